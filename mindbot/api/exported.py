"""A turn in a form that is taken elsewhere: JSON, its calls as curl, Markdown for a report, OTLP."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator

from mindbot.api.curl import curl, is_call
from mindbot.api.folding import failure_of, folded
from mindbot.api.models import TurnView
from mindbot.api.otlp import as_otlp
from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json
from mindbot.domain.visible import visible_lines


def exported(turn: TurnView, form: str) -> str:
    """Return a turn in one of `FORMS`; raises Invalid for another, and for a call where none was made."""
    if form not in FORMS:
        raise Invalid(f"a turn is not exported as {form!r}", hint=f"as one of: {', '.join(FORMS)}")
    return FORMS[form][0](turn)


def suffix(form: str) -> str:
    """Return what the name of a file of a form ends in."""
    return FORMS[form][1]


def as_json(turn: TurnView) -> str:
    """Return everything that is known of it, with its steps and deliveries, as one object."""
    return json.dumps(turn.to_json(), ensure_ascii=False, indent=2, default=str) + "\n"


def as_curl(turn: TurnView) -> str:
    """Return each call of a model or workflow as a command line; one that cannot be is said to be none.

    Raises Invalid for a turn that asked none, or none that is a command: see `mindbot.api.curl`.
    """
    calls = [span for span in turn.spans if is_call(span)]
    if not calls:
        raise Invalid(f"turn {turn.id} asked no model and no workflow", hint="export it as json or markdown")
    told, refused = list[str](), list[Invalid]()
    for span in calls:
        try:
            told.append(curl(span))
        except Invalid as error:
            refused.append(error)
            told.append(f"# {_line(error)}\n")
    if len(refused) == len(calls):
        raise refused[0]
    return "\n".join(told)


def as_markdown(turn: TurnView) -> str:
    """Return what came in, what was answered, where the time went and what was delivered, for a report."""
    return visible_lines("\n".join(_markdown(turn)))


def _markdown(turn: TurnView) -> Iterator[str]:
    yield f"# Turn {turn.id}\n"
    yield from (f"- {name}: {_line(value)}" for name, value in _facts(turn) if value)
    for title, text in (("Message", turn.text), ("Answer", turn.reply), ("Reason", turn.reason)):
        if text:
            yield f"\n## {title}\n\n{_fenced(text)}"
    if spans := folded(turn.spans):
        yield "\n## Steps\n\n| step | start | took | error |\n|---|--:|--:|---|"
        for span in spans:
            failure = failure_of(span)
            start = f"{max(0.0, span.start - turn.received) * 1000:.1f} ms"
            took = "" if span.took_ms is None else f"{span.took_ms:.1f} ms"
            yield f"| {_cell(f'{span.kind} {span.name}')} | {start} | {took} | {_cell(str(failure or ''))} |"
    for each in turn.deliveries:
        yield f"\n## Delivery {each.get('id', '')}\n"
        yield from (f"- {name}: {_line(value)}" for name, value in _delivery(each) if value)
        if each.get("text") and each["text"] != turn.reply:
            yield f"\n{_fenced(str(each['text']))}"
    yield ""


def _facts(turn: TurnView) -> Iterator[tuple[str, object]]:
    known = turn.to_json()
    yield from (("state", turn.state), ("bot", f"{turn.platform}/{turn.bot}"), ("user", turn.user))
    yield "received", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(turn.received))
    yield "took", f"{turn.took_ms:.1f} ms" if turn.took_ms else ""
    for name in ("origin", "runner", "workflow", "provider", "model", "tokens", "delivery", "delivery_error"):
        yield name, known.get(name)


def _delivery(each: Json) -> Iterator[tuple[str, object]]:
    for name in ("state", "kind", "attempts", "sent_id", "error"):
        yield name, each.get(name)


def _line(value: object) -> str:
    return " ".join(str(value).split())


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _fenced(text: str) -> str:
    """Return a text as it is, in a fence longer than any in it."""
    longest = max((len(found) for found in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


#: Each form: how it is made, and what the name of its file ends in.
FORMS: dict[str, tuple[Callable[[TurnView], str], str]] = {
    "json": (as_json, ".json"),
    "curl": (as_curl, ".sh"),
    "markdown": (as_markdown, ".md"),
    "otlp": (as_otlp, ".otlp.json"),
}
