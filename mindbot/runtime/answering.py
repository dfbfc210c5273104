"""One answer while it is made: its pieces for whoever watches, its text for the platform to show."""

from __future__ import annotations

import time

import anyio

from mindbot.bus import Bus
from mindbot.domain.abilities import Streams
from mindbot.domain.chat import Chunk
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import MindBotError
from mindbot.domain.events import Event
from mindbot.domain.shapes.events import ChunkEvent
from mindbot.domain.turn import Turn
from mindbot.telemetry.speaking import Speaking

_UPDATE = 10.0  # seconds one update of a shown answer may take
_LAST = 5.0  # seconds an update under way may still take when the answer is complete


class _Growing:
    """An answer on show: what it has said and not shown yet, whether it is complete, and no longer shown."""

    __slots__ = ("afresh", "complete", "more", "over", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.afresh = False
        self.more = anyio.Event()
        self.complete = anyio.Event()
        self.over = anyio.Event()


class Answering:
    """See the module. Both get it masked, as the reply is masked at last. ``scope`` ends the work early."""

    def __init__(self, bus: Bus, turn: Turn, *, shown: bool = False) -> None:
        self.scope = anyio.CancelScope()
        self._bus = bus
        self._turn = turn
        self._speaking = Speaking()
        self._pieces: list[str] = []
        self._length = 0  # of what was said so far, in characters
        turn.saying = self._pieces
        self._growing = _Growing() if shown else None

    def add(self, chunk: Chunk) -> None:
        """Take the next piece; never waits."""
        text = self._speaking.take(chunk.text, afresh=chunk.afresh)
        if text or chunk.afresh:
            self._say(text, chunk.afresh)

    def _say(self, text: str, afresh: bool = False) -> None:
        if afresh:
            self._pieces.clear()
            self._length = 0
        at, self._length = self._length, self._length + len(text)
        self._pieces.append(text)
        self._turn.said_at = time.time()
        if self._bus.wants("chunk"):
            piece: ChunkEvent = {"text": text, "at": at}
            if afresh:
                piece["afresh"] = True
            self._bus.publish(Event("chunk.text", self._turn.id, piece))
        if (growing := self._growing) is not None:
            if afresh:
                growing.pieces.clear()
                growing.afresh = True
            growing.pieces.append(text)
            growing.more.set()

    async def show(self, platform: Streams, delivery: Delivery) -> None:
        """Let the platform show the text so far at its pace, until the answer is complete or it cannot."""
        growing, text = self._growing, ""
        assert growing is not None
        try:
            while not growing.complete.is_set():
                await growing.more.wait()
                growing.more = anyio.Event()
                if not growing.pieces:
                    continue
                text = "".join(growing.pieces) if growing.afresh else text + "".join(growing.pieces)
                growing.pieces.clear()
                growing.afresh = False
                if not text:
                    continue
                began = anyio.current_time()
                with anyio.fail_after(_UPDATE):
                    await platform.stream(delivery, text)
                delivery.notes.updates = (delivery.notes.updates or 0) + 1
                with anyio.move_on_after(platform.pace - (anyio.current_time() - began)):
                    await growing.complete.wait()
        except (MindBotError, TimeoutError) as error:
            delivery.notes.stream_error = str(error) or f"no answer in {_UPDATE:g}s"
        except Exception as error:  # noqa: BLE001 - an adapter's bug costs the show, not the answer
            delivery.notes.stream_error = f"internal: {type(error).__name__}: {error}"
        finally:
            self._growing = None
            growing.over.set()

    async def finish(self) -> None:
        """The answer is complete: let an update under way end, so that it does not overtake the last one."""
        if rest := self._speaking.rest():
            self._say(rest)
        if (growing := self._growing) is not None:
            growing.complete.set()
            growing.more.set()
            with anyio.move_on_after(_LAST):
                await growing.over.wait()


class OnShow:
    """The deliveries whose answers are on show while they are made, by turn; of an earlier process too."""

    def __init__(self) -> None:
        self._by_turn: dict[int, Delivery] = {}
        self._interrupted: set[int] = set()

    def recover(self, found: dict[int, Delivery]) -> None:
        """Learn what was on show when a process ended: its end says that it was interrupted."""
        self._by_turn = dict(found)
        self._interrupted = set(found)

    def __contains__(self, turn: int) -> bool:
        return turn in self._by_turn

    def get(self, turn: int) -> Delivery | None:
        """Return a turn's delivery on show."""
        return self._by_turn.get(turn)

    def interrupted(self, turn: int) -> bool:
        """Tell whether a turn's answer was on show when a process ended."""
        return turn in self._interrupted

    def put(self, delivery: Delivery) -> None:
        """Note a delivery that is on disk and about to be shown."""
        self._by_turn[delivery.turn] = delivery

    def ended(self, turn: int) -> None:
        """Forget a turn that is done."""
        self._by_turn.pop(turn, None)
        self._interrupted.discard(turn)


def opened(turn: Turn) -> Delivery:
    """Return the delivery of an answer that will grow."""
    m = turn.message
    delivery = Delivery(turn.number, 0, m.platform, m.bot, m.session, m.reply_to, [], state="open")
    delivery.kind, delivery.created = "stream", time.time()
    return delivery
