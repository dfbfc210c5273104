"""What is on its way out, by session: what everybody asks of the outbox, and nothing that changes it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator

import anyio

from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import NotFound
from mindbot.domain.shapes.queue import QueuedJson, Waits
from mindbot.runtime.held_up import Session, held_up

_OPEN = frozenset({"open", "pending", "sending", "unknown"})
_MOST_TEXT = 200  # characters shown of a delivery

#: What a delivery waits for, in words.
WHY: dict[Waits, str] = {
    "wire": "it is on its way to the platform",
    "grows": "its turn writes it still",
    "session": "another one of its conversation goes first",
    "retry": "it waits for its next try",
    "quiet": "the platform asked its bot to keep quiet",
    "stopped": "its bot is stopped",
    "gone": "its bot is not configured any more",
    "slots": "it is about to go out",
}


def session_of(d: Delivery) -> Session:
    """Return whose order a delivery keeps."""
    return d.platform, d.bot, d.session


class Lane:
    """One bot's way out: sessions that are ready to send, and until when it has to keep quiet."""

    def __init__(self, bot: Bot, workers: int) -> None:
        self.bot = bot
        self.free = workers  # how many more may send at once
        self.ready: deque[Session] = deque()
        self.quiet_until = 0.0  # of `time.monotonic`
        self.held = False  # an operator stopped the bot


class OnItsWay:
    """Deliveries that are on disk and not ended, in the order of their sessions."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._sessions: dict[Session, list[Delivery]] = {}
        self._due: dict[str, float] = {}  # by delivery: when it may go out, of `time.monotonic`
        self._resting: dict[Session, anyio.Event] = {}  # those that wait for a time; set, they wait no longer

    @property
    def waiting(self) -> int:
        """Deliveries that are not ended."""
        return sum(map(len, self._sessions.values()))

    def waiting_of(self, platform: str, bot: str) -> int:
        """Return how many of a bot's deliveries are not ended."""
        return sum(len(waiting) for s, waiting in self._sessions.items() if s[:2] == (platform, bot))

    def held_up(self, now: float) -> tuple[int, float]:
        """Return how many answers wait for long, and for how many seconds the oldest does: see `held_up`."""
        return held_up(self._sessions, {bot for bot, lane in self._lanes.items() if lane.held}, now)

    def behind(self, session: Session) -> bool:
        """Tell whether something of a session is still on its way: what is shown now would come too early."""
        return session in self._sessions

    def overtakes(self, d: Delivery) -> bool:
        """Tell whether a delivery, shown now, would come before something of another turn that goes first."""
        waiting = self._sessions.get(session_of(d))
        return d.state in _OPEN and waiting is not None and waiting[0].turn != d.turn

    def waiting_in(self, session: Session) -> list[str]:
        """Return the deliveries of a session that are not ended, by id."""
        return [d.id for d in self._sessions.get(session, ())]

    def bot(self, platform: str, name: str) -> Bot | None:
        """Return a bot that is served."""
        lane = self._lanes.get((platform, name))
        return lane.bot if lane else None

    def find(self, id: str) -> tuple[Session, int]:
        """Return the session of a delivery that is not ended, and its place there; raises NotFound."""
        try:
            key = ids.parse_delivery(id)
        except ValueError:
            key = (0, 0)
        for session, waiting in self._sessions.items():
            for n, d in enumerate(waiting):
                if (d.turn, d.n) == key:
                    return session, n
        raise NotFound(f"no delivery {id!r} waits", hint="`mindbot queue list` shows those that do")

    def why(self, session: Session, n: int) -> Waits:
        """Return what the delivery at a place of a session waits for."""
        d, lane = self._sessions[session][n], self._lanes.get(session[:2])
        if d.state == "open":
            return "grows"
        if n:
            return "session"
        if d.state == "sending":
            return "wire"
        if lane is None:
            return "gone"
        if lane.held:
            return "stopped"
        if session not in self._resting:
            return "slots"
        return "quiet" if lane.quiet_until > max(self._due.get(d.id, 0.0), time.monotonic()) else "retry"

    def listed(self) -> Iterator[QueuedJson]:
        """Yield what is not ended, session by session in the order in which it goes out."""
        now, mono = time.time(), time.monotonic()
        for session, waiting in self._sessions.items():
            lane = self._lanes.get(session[:2])
            for n, d in enumerate(waiting):
                why = self.why(session, n)
                due = max(self._due.get(d.id, 0.0), lane.quiet_until if lane and not n else 0.0)
                yield {
                    "id": d.id,
                    "place": "outbox",
                    "state": d.state,
                    "why": why,
                    "behind": waiting[n - 1].id if n else "",
                    "ahead": n,
                    "at": "",
                    "platform": d.platform,
                    "bot": d.bot,
                    "session": d.session,
                    "user": "",
                    "text": d.text[:_MOST_TEXT],
                    "attempts": d.attempts,
                    "since": d.created,
                    "next_at": round(now + due - mono, 1) if why in ("retry", "quiet") else None,
                    "error": d.error,
                }
