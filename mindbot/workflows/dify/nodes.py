"""A run's nodes, rounds and tools as steps of the turn: nested as they are in the app, side by side where
they run side by side.

Source: Dify Service API, "Streaming events". An iteration or a loop is named by its nodes with the id of its
node; an agent's tools are thoughts, which are sent again as they fill, or (Agent nodes) entries of a log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mindbot.domain.message import Json
from mindbot.domain.plain import dumps
from mindbot.domain.span import Span
from mindbot.domain.turn import Step, Turn
from mindbot.providers.refusing.quoting import quoted

_MOST = 500  # steps of one run that are kept
_LONGEST = 80  # characters of a title
_SHOWN = 2000  # characters of what a node got and gave
_FAILED = frozenset({"failed", "exception", "error"})
_GOES_ON = frozenset({"start", "running", "pending"})


class _Open:
    """A step that has begun."""

    __slots__ = ("span", "step")

    def __init__(self, step: Step, span: Span) -> None:
        self.step = step
        self.span = span


class NodeSteps:
    """See the module. ``parent`` is the step that all of them are in; what ``hide`` returns is shown nowhere.

    Events of a stream that was taken up again may come twice: each step is one.
    """

    def __init__(self, turn: Turn, parent: Span, *, hide: Callable[[], str]) -> None:
        self.left_out = 0
        self._turn = turn
        self._parent = parent
        self._hide = hide
        self._open: dict[str, _Open] = {}
        self._all: dict[str, Span] = {}  # by the id of their execution, or of a thought
        self._rounds: dict[str, Span] = {}  # iterations and loops, by the id of their node

    async def take(self, doc: Json) -> None:
        """Take an event; those that are about something else change nothing."""
        event, data = doc.get("event"), doc.get("data")
        if event == "agent_thought":
            await self._thought(doc)
        if not isinstance(data, dict):
            return
        match event:
            case "node_started" | "iteration_started" | "loop_started":
                await self._begin(data, rounds=event != "node_started")
            case "node_finished" | "iteration_completed" | "loop_completed":
                await self._begin(data, rounds=event != "node_finished")
                await self._end(data)
            case "iteration_next" | "loop_next":
                if (span := self._rounds.get(_text(data.get("node_id")))) is not None:
                    span.data["rounds"] = max(_number(data.get("index")) + 1, span.data.get("rounds", 0))
            case "node_retry":
                if (span := self._all.get(_key(data))) is not None:
                    span.data.setdefault("retries", []).append(self._words(data.get("error")))
            case "agent_log":
                await self._logged(data)

    async def close(self, why: str = "") -> None:
        """End what is still open; ``why`` says what became of it."""
        for key in reversed(list(self._open)):
            opened = self._open[key]
            if why:
                opened.span.data.setdefault("left", why)
            await self._shut(key, "")

    # --- nodes, iterations, loops

    async def _begin(self, data: Json, *, rounds: bool) -> None:
        key, node = _key(data), _text(data.get("node_id"))
        if (known := self._all.get(key)) is not None and rounds and node:
            self._rounds[node] = known  # some servers tell of an iteration as of a node, too
        if not key or known is not None:
            return
        around = _text(data.get("iteration_id")) or _text(data.get("loop_id"))
        title = self._words(data.get("title"), longest=_LONGEST) or _text(data.get("node_type")) or "node"
        span = await self._opened("node", key, title, self._rounds.get(around))
        if span is None:
            return
        span.data["type"] = _text(data.get("node_type"))[:_LONGEST]
        if around in self._rounds and (count := self._rounds[around].data.get("rounds")):
            span.data["round"] = count
        if rounds and node:
            self._rounds[node] = span

    async def _end(self, data: Json) -> None:
        key = _key(data)
        if (opened := self._open.get(key)) is None:
            return
        shown = opened.span.data
        for name in ("inputs", "outputs"):
            if data.get(name):
                shown[name] = self._short(data[name])
        paid = data.get("execution_metadata")
        if isinstance(paid, dict) and paid.get("total_tokens"):
            shown["tokens"] = paid["total_tokens"]
        if isinstance(took := data.get("elapsed_time"), int | float):
            shown["vendor_ms"] = round(took * 1000, 3)
        failed = data.get("status") in _FAILED
        await self._shut(key, (self._words(data.get("error")) or "it failed") if failed else "")

    # --- agents

    async def _thought(self, doc: Json) -> None:
        """A thought of an agent: one that names a tool is its call, and ends with what was observed."""
        tool, key = self._words(doc.get("tool"), longest=_LONGEST), f"thought {doc.get('id', '')}"
        if not tool:
            return
        span = self._all.get(key) or await self._opened("tool", key, tool, None)
        if span is None:
            return
        span.name = tool
        if asked := doc.get("tool_input"):
            span.data["inputs"] = self._short(asked)
        if observed := doc.get("observation"):
            span.data["outputs"] = self._short(observed)
            await self._shut(key, "")

    async def _logged(self, data: Json) -> None:
        key = f"log {data.get('id', '')}"
        around = self._all.get(f"log {data.get('parent_id') or ''}")
        around = around or self._all.get(_text(data.get("node_execution_id")))
        if key not in self._all:
            label = self._words(data.get("label"), longest=_LONGEST) or "agent"
            if await self._opened("tool", key, label, around) is None:
                return
        span, status = self._all[key], data.get("status")
        if data.get("data"):
            span.data["outputs"] = self._short(data["data"])
        if status not in _GOES_ON:
            failed = status in _FAILED or bool(data.get("error"))
            await self._shut(key, (self._words(data.get("error")) or "it failed") if failed else "")

    # --- steps

    async def _opened(self, kind: str, key: str, name: str, parent: Span | None) -> Span | None:
        if len(self._all) >= _MOST:
            self.left_out += 1
            return None
        step = self._turn.span(kind, name, parent=parent or self._parent)
        span = await step.__aenter__()
        self._open[key] = _Open(step, span)
        self._all[key] = span
        return span

    async def _shut(self, key: str, error: str) -> None:
        opened = self._open.pop(key, None)
        if opened is None:
            return
        if error:
            opened.span.status = "error"
            opened.span.data["error"] = error
        await opened.step.__aexit__(None, None, None)

    def _words(self, value: Any, *, longest: int = 300) -> str:
        return quoted(_text(value), self._hide(), longest=longest)

    def _short(self, value: Any) -> str:
        text = value if isinstance(value, str) else dumps(value).decode(errors="replace")
        return quoted(text, self._hide(), longest=_SHOWN)


def _key(data: Json) -> str:
    """Return what tells this run of a node from its others: in a loop a node runs often."""
    return _text(data.get("id")) or _text(data.get("node_id"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
