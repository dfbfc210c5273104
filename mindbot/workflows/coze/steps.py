"""What works inside a run as steps of the turn: the tools of a bot, the nodes of a workflow.

Sources: coze.cn "Streaming response" (``function_call`` and ``tool_response`` are whole messages),
"Run workflow (streaming)" (``node_title``, ``node_is_finish``).
"""

from __future__ import annotations

from typing import Any

from mindbot.domain.message import Json
from mindbot.domain.plain import dumps, loads
from mindbot.domain.span import Span
from mindbot.domain.turn import Step, Turn
from mindbot.providers.refusing.quoting import quoted
from mindbot.providers.shared.documents import NamedDocument

_MOST = 200  # steps of one run that are kept
_LONGEST = 80  # characters of a name
_SHOWN = 2000  # characters of what a step got and gave


class CozeSteps:
    """See the module. ``parent`` is the step that all of them are in; ``hide`` is shown nowhere."""

    def __init__(self, turn: Turn, parent: Span | None, *, hide: str = "") -> None:
        self.left_out = 0
        self._turn = turn
        self._parent = parent
        self._hide = hide
        self._seen: set[str] = set()
        self._open: dict[str, tuple[Step, Span]] = {}

    async def take(self, doc: Any) -> None:
        """Take an event; those that are about something else change nothing."""
        if not isinstance(doc, NamedDocument) or not isinstance(data := doc.doc, dict):
            return
        match doc.event, data.get("type"):
            case "conversation.message.completed", "function_call":
                await self._called(data)
            case "conversation.message.completed", "tool_response" | "tool_output":
                await self._returned(data)
            case "Message", _:
                await self._node(data)

    async def close(self, why: str = "") -> None:
        """End what is still open; ``why`` says what became of it."""
        for key in list(self._open):
            if why:
                self._open[key][1].data["left"] = why
            await self._shut(key)

    async def _called(self, data: Json) -> None:
        asked = _object(data.get("content"))
        name = self._words(asked.get("name") or asked.get("plugin_name")) or "tool"
        if (span := await self._begin("tool", f"tool {data.get('id', '')}", name)) is not None:
            span.data["inputs"] = self._short(asked.get("arguments"))

    async def _returned(self, data: Json) -> None:
        """What a tool returned names no call: it is that of the one that has waited longest."""
        key = next((key for key in self._open if key.startswith("tool ")), "")
        if key:
            self._open[key][1].data["outputs"] = self._short(data.get("content"))
            await self._shut(key)

    async def _node(self, data: Json) -> None:
        name = self._words(data.get("node_title")) or "node"
        key = f"node {data.get('node_id') or name}"
        span = self._open[key][1] if key in self._open else await self._begin("node", key, name)
        if span is None:
            return
        if isinstance(used := data.get("token"), int):
            span.data["tokens"] = used
        if data.get("node_is_finish"):
            self._seen.discard(key)  # a node in a loop speaks again
            await self._shut(key)

    async def _begin(self, kind: str, key: str, name: str) -> Span | None:
        if key in self._seen:
            return None
        if self._count() >= _MOST:
            self.left_out += 1
            return None
        self._seen.add(key)
        # Without a parent they stand inside the innermost step; as siblings they must not move it.
        parent = self._parent or _innermost(self._turn)
        step = self._turn.span(kind, name, parent=parent)
        span = await step.__aenter__()
        self._open[key] = (step, span)
        return span

    def _count(self) -> int:
        return sum(span.kind in ("tool", "node") for span in self._turn.spans)

    async def _shut(self, key: str) -> None:
        step, _ = self._open.pop(key)
        await step.__aexit__(None, None, None)

    def _words(self, value: Any) -> str:
        return quoted(value, self._hide, longest=_LONGEST) if isinstance(value, str) else ""

    def _short(self, value: Any) -> str:
        text = value if isinstance(value, str) else dumps(value).decode(errors="replace")
        return quoted(text, self._hide, longest=_SHOWN)


def _innermost(turn: Turn) -> Span | None:
    return turn.spans[turn.innermost - 1] if turn.innermost else None


def _object(value: Any) -> Json:
    """Return an object, also one that was told as text."""
    if isinstance(value, str):
        try:
            value = loads(value.encode())
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}
