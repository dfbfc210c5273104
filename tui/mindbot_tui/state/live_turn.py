"""One turn while it is looked at: what the daemon answered, and what it told since it was asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from mindbot.api.models import SpanView, TurnView
from mindbot.domain.shapes.events import ChunkEvent, EventJson, SpanEvent
from mindbot.domain.turn import DONE_STATES

#: Topics of the stream that tell of a turn's inside.
TOPICS = ("span", "chunk")


class LiveTurn:
    """An answer of the daemon takes the place of all that was known, and what came since the question is told
    again on top of it: steps by their ids, pieces of the text by their places. So nothing is lost that the
    answer was too early for, and nothing is said twice.

    ``revision`` counts changes, ``said`` those of the text alone. ``stale``: something is known to be
    missing that only the daemon can tell.
    """

    def __init__(self, id: str) -> None:
        self.id = id
        self.view: TurnView | None = None
        self.revision = self.said = 0
        self.stale = False
        self._spans: dict[int, SpanView] = {}
        self._pieces: list[str] = []
        self._length = 0
        self._since: list[EventJson] = []

    @property
    def open(self) -> bool:
        """Whether it is not done, for all we know."""
        return self.view is None or self.view.state not in DONE_STATES

    @property
    def spans(self) -> list[SpanView]:
        return list(self._spans.values())

    @property
    def saying(self) -> str:
        """What its answer says so far."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def ask(self) -> None:
        """The daemon is about to be asked: what is told from now on is newer than its answer may be."""
        self._since.clear()
        self.stale = False

    def take(self, found: TurnView) -> None:
        """Take over the daemon's answer."""
        self.view = found
        self._spans = {span.id: span for span in found.spans}
        self._pieces, self._length = [found.saying], len(found.saying)
        self.revision += 1
        if self.open:
            for event in self._since:
                self._tell(event)
        self._since.clear()

    def apply(self, events: Iterable[EventJson]) -> None:
        """Take over what the stream tells of this turn."""
        for event in events:
            if event.get("turn") == self.id and self.open:
                self._since.append(event)
                self._tell(event)

    def _tell(self, event: EventJson) -> None:
        match event.get("type"):
            case "span.opened":
                self._opened(cast(SpanEvent, event), event.get("ts", 0.0))
            case "span.closed":
                self._closed(cast(SpanEvent, event), event.get("ts", 0.0))
            case "chunk.text":
                self._says(cast(ChunkEvent, event))
                self.said += 1
                return
            case _:
                return
        self.revision += 1

    def _opened(self, step: SpanEvent, ts: float) -> None:
        id = step["span"]
        known = self._spans.get(id)
        took = None if known is None else known.took_ms
        if known is not None and took is not None and ts > known.start + took / 1000 + 0.001:
            # It runs from the beginning again: what it did before is gone.
            self._spans = {n: span for n, span in self._spans.items() if n < id}
        if id not in self._spans:
            self._spans[id] = SpanView(
                id=id, parent=step["parent"], kind=step["kind"], name=step["name"], start=ts
            )

    def _closed(self, step: SpanEvent, ts: float) -> None:
        id, took = step["span"], step.get("took_ms", 0.0)
        known = self._spans.get(id) or SpanView(
            id=id, parent=step["parent"], kind=step["kind"], name=step["name"], start=ts - took / 1000
        )
        error = {"error": step["error"]} if "error" in step else {}
        ended = {"took_ms": took, "status": step.get("status", "ok"), "data": known.data | error}
        self._spans[id] = known.model_copy(update=ended)
        self.stale = True  # what it noted is not told

    def _says(self, piece: ChunkEvent) -> None:
        at = piece.get("at", self._length)
        if at > self._length:
            self.stale = True  # there is a hole before it
            return
        if at < self._length:
            whole = self.saying[:at]
            self._pieces, self._length = [whole], at
        self._pieces.append(piece["text"])
        self._length += len(piece["text"])
