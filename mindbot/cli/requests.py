"""How `mindbot trace` prints what models and workflows were asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mindbot.api.trace_models import PromptPart, TurnRequest, TurnRequests
from mindbot.cli.output import Column, one_line, plain, print_json, print_table
from mindbot.domain.errors import NotFound
from mindbot.domain.plain import dumps


class _Row(NamedTuple):
    request: TurnRequest
    part: PromptPart | None


_TEXT = 400  # characters of a part that a line of a table may need


def print_requests(found: TurnRequests, *, as_json: bool) -> None:
    """Print each call, and under it the parts of its prompt by where they are from."""
    if as_json:
        for request in found.requests:
            print_json(request.to_json())
        return
    rows = [row for request in found.requests for row in _rows(request)]
    columns: list[Column[_Row]] = [
        Column("N", lambda row: "" if row.part else str(row.request.n), right=True),
        Column("ASKED", lambda row: "" if row.part else _who(row.request)),
        Column("ORIGIN", _origin),
        Column("TOKENS", _tokens, right=True),
        Column("TEXT", _text),
    ]
    print_table(rows, columns, "no model and no workflow was asked")


def print_request(found: TurnRequests, n: int) -> None:
    """Print the body of one call as it was sent; raises NotFound."""
    request = next((each for each in found.requests if each.n == n), None)
    if request is None or request.body is None:
        known = ", ".join(str(each.n) for each in found.requests if each.body is not None)
        hint = f"it has: {known}" if known else "its models were asked without a request over the network"
        raise NotFound(f"turn {found.turn} has no request {n}", hint=hint)
    print(plain(dumps(request.body).decode()))


def _rows(request: TurnRequest) -> Iterator[_Row]:
    yield _Row(request, None)
    yield from (_Row(request, part) for part in request.prompt)


def _who(request: TurnRequest) -> str:
    asked = " ".join(filter(None, (request.provider or request.name, request.model, request.key)))
    return f"{request.kind} {asked}"


def _origin(row: _Row) -> str:
    part = row.part
    return "" if part is None else f"{part.role} {part.origin} {part.turn}".strip()


def _tokens(row: _Row) -> str:
    if row.part is not None:
        return f"~{row.part.tokens}"
    told = row.request.input_tokens
    return str(told) if told is not None else f"~{row.request.estimated_tokens}"


def _text(row: _Row) -> str:
    if row.part is not None:
        return one_line(row.part.text[:_TEXT])
    request = row.request
    cut = f", cut from {request.cut_from:,} characters" if request.cut_from else ""
    return f"{request.path} {request.size:,} bytes{cut}" if request.body is not None else ""
