"""Tool calls that arrive in fragments, put together. Pure.

OpenAI numbers the fragments (``index``) and tells id and name once. Others leave the number out, send null,
or 0 for all of them (Gemini's OpenAI face and gateways before it); repeat the id on every fragment; send
whole calls without ids (Ollama); or the older ``function_call``. So a fragment begins a new call when it
brings another id or name, and goes on with the last one of its number otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from mindbot.domain.chat import ToolCall
from mindbot.providers.shared.characters import joined

_MOST = 128  # calls in one answer
_FRAGMENTS = 1000  # that one chunk may bring
_LONGEST = 256  # characters of a name or an id


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    signature: str = ""
    vendor: str = ""


class ToolCalls:
    """The calls of one answer."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int | None, _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def feed(self, fragments: Any) -> int:
        """Take a message's or a delta's ``tool_calls``; return how many characters of arguments came."""
        each = fragments if isinstance(fragments, list) else [fragments]
        return sum(self._take(fragment) for fragment in each[:_FRAGMENTS] if isinstance(fragment, dict))

    def add(self, call: ToolCall) -> int:
        """Take a call that came whole; return how many characters of arguments it has."""
        if len(self._calls) == _MOST:
            return 0
        name, signature = _word(call.name), joined(call.signature)
        self._calls.append(_Call(_word(call.id), name, [call.arguments], signature, call.vendor))
        return len(call.arguments)

    def whole(self) -> tuple[ToolCall, ...]:
        """Return the calls; their ids are unique."""
        out: list[ToolCall] = []
        for number, call in enumerate(self._calls):
            id_ = call.id
            if not id_ or any(other.id == id_ for other in out):
                id_ = f"call_{number}"
            arguments = joined("".join(call.arguments))
            out.append(ToolCall(id_, call.name, arguments, call.signature, call.vendor))
        return tuple(out)

    def _take(self, fragment: Mapping[str, Any]) -> int:
        inner = fragment.get("function")
        function = inner if isinstance(inner, dict) else fragment
        id_, name = _word(fragment.get("id")), _word(function.get("name"))
        arguments = function.get("arguments")
        if not (id_ or name or arguments):
            return 0
        call = self._call(_number(fragment.get("index")), id_, name, whole=isinstance(arguments, dict))
        if call is None:
            return 0
        call.id, call.name = call.id or id_, call.name or name
        text = "" if arguments is None else arguments if isinstance(arguments, str) else as_json(arguments)
        call.arguments.append(text)
        return len(text)

    def _call(self, index: int | None, id_: str, name: str, *, whole: bool) -> _Call | None:
        """Return the call a fragment belongs to, a new one where it begins one; None beyond the most."""
        current = self._by_index.get(index) or (self._by_index.get(None) if index is None else None)
        if current is not None:
            if id_ and current.id and id_ != current.id:
                current = next((c for c in self._calls if c.id == id_ and index is None), None)
            elif not id_ and name and current.name and (whole or name != current.name):
                current = None
        if current is None:
            if len(self._calls) == _MOST:
                return None
            current = _Call()
            self._calls.append(current)
        self._by_index[index] = self._by_index[None] = current
        return current


def _number(index: Any) -> int | None:
    if isinstance(index, str) and index.isascii() and index.isdigit() and len(index) < 9:
        return int(index)
    return index if isinstance(index, int) and not isinstance(index, bool) else None


def _word(value: Any) -> str:
    return value[:_LONGEST].encode(errors="replace").decode() if isinstance(value, str) else ""


def as_json(value: Any) -> str:
    """Return arguments that came as a value as JSON."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # half a character, or nested without end
        return "{}"
