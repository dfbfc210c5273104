"""Sessions that operators have taken over: the bot is mute in them until they are handed back.

Who has which is on disk before the operator is told: no crash gives the bot its voice back. What users write
meanwhile is kept in the history; what operators say is a turn of its own and goes out as a push does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import anyio
import structlog

from mindbot.config.sections import TakeOverSettings
from mindbot.domain.abilities import Silence
from mindbot.domain.bot import Bot
from mindbot.domain.errors import Conflict, StoreError
from mindbot.domain.events import Event
from mindbot.domain.message import Message
from mindbot.domain.plain import marked
from mindbot.domain.ports.store import KeepStore, Kept
from mindbot.domain.shapes.take_overs import SessionEvent, TakenJson
from mindbot.domain.turn import Clock, Turn
from mindbot.runtime.lifecycle import HealthBoard

log = structlog.get_logger("mindbot.runtime")

_KEEPS = "take-over", ""  # in place of a platform's and a bot's name
_PAGE = 100_000  # sessions that are read at a start
_LOOK = 0.5  # seconds between two looks who waits and who was left alone
_NAMED = 3  # sessions that health names
_COMPONENT = "take-over"


@dataclass(slots=True)
class TakenSession:
    """A session, and who has it. All times are Unix seconds.

    ``acted`` is when they took it or said something last, ``waiting`` since when a user waits for them (0:
    none does). ``lets``: turns whose answers go out all the same.
    """

    session: str
    platform: str
    bot: str
    by: str
    console: str
    since: float
    acted: float
    waiting: float = 0.0
    lets: list[int] = field(default_factory=list)

    @property
    def whose(self) -> str:
        """Who has it, and where they sit."""
        return f"{self.by} ({self.console})" if self.console else self.by

    def has(self, session: str) -> bool:
        """Whether a session is this one, or one of the members of this group."""
        return session == self.session or session.startswith(f"{self.session}:")


class TakeOvers:
    """See the module. ``publish`` tells observers, ``board`` is told of users who wait too long."""

    def __init__(
        self,
        keep: KeepStore,
        settings: Callable[[], TakeOverSettings],
        publish: Callable[[Event], None],
        board: HealthBoard,
        clock: Clock = time.time,
    ) -> None:
        self._keep = keep
        self._settings = settings
        self._publish = publish
        self._board = board
        self._clock = clock
        self._taken: dict[str, TakenSession] = {}
        self._cut: set[int] = set()  # turns whose answers end as soon as they begin
        self._thrown_away: set[int] = set()  # turns of whose answers no draft is kept
        #: Held by whoever takes a session, says something in one or hands one back.
        self.changing = anyio.Lock()

    # --- who has what

    async def load(self) -> None:
        """Read what an earlier process knew; raises StoreError."""
        found = await self._keep.items(*_KEEPS, "", _PAGE)
        for key, value in found.items():
            try:
                taken = TakenSession(**value)
            except TypeError:
                log.warning("who has a session cannot be read; it is the bot's", session=key)
            else:
                self._taken[taken.session] = taken

    def __len__(self) -> int:
        return len(self._taken)

    @property
    def all(self) -> list[TakenSession]:
        """Those that are taken, the first ones first."""
        return sorted(self._taken.values(), key=lambda each: each.since)

    def named(self, session: str) -> TakenSession | None:
        """Return who has a session: it, or the group that it is a member's of."""
        if not self._taken:
            return None
        return self._taken.get(session) or next((t for t in self._taken.values() if t.has(session)), None)

    def beside(self, session: str) -> TakenSession | None:
        """Return who has a session, its group, or one of its members."""
        within = (t for t in self._taken.values() if t.session.startswith(f"{session}:"))
        return self.named(session) or next(within, None)

    def of(self, message: Message) -> TakenSession | None:
        """Return who has the session of a message, its group's included."""
        return self.named(message.session) if self._taken and not message.tried_for else None

    def line(self, taken: TakenSession) -> TakenJson:
        """Return what operators are told of it."""
        idle = self._settings().idle
        return {
            "session": taken.session,
            "platform": taken.platform,
            "bot": taken.bot,
            "taken_by": taken.by,
            "console": taken.console,
            "taken_since": taken.since,
            "waiting_since": taken.waiting or None,
            "idle_at": taken.acted + idle if idle else None,
        }

    # --- changes

    async def begin(self, taken: TakenSession) -> None:
        """Mute the bot, once that is on disk; raises StoreError. Who asks holds ``changing``.

        Whoever had it has it no longer; nor has anybody a member of a group that is taken.
        """
        members = [each for each in self._taken.values() if each is not taken and taken.has(each.session)]
        gone = [Kept(*_KEEPS, marked(each.session), {}, 0) for each in members]
        await self._keep.write([*gone, self.kept(taken)])
        for each in members:
            del self._taken[each.session]
        self._taken[taken.session] = taken
        self._tell("session.taken", taken)

    def kept(self, taken: TakenSession) -> Kept:
        """Return what is written down of it."""
        return Kept(*_KEEPS, marked(taken.session), asdict(taken))

    def said(self, taken: TakenSession, turn: str, by: str, console: str) -> None:
        """Note that words of an operator are on disk, with ``kept``."""
        self._tell("session.said", taken, turn, by=by, console=console)

    async def end(self, taken: TakenSession, why: str, *, by: str = "", console: str = "") -> bool:
        """Give the bot its voice back; raises StoreError. ``by``: whoever did it, empty: nobody.

        Returns: whether it was still taken so.
        """
        with anyio.CancelScope(shield=True):
            await self.changing.acquire()
            try:
                ended = await self._end(taken, why, by, console)
            finally:
                self.changing.release()
        return ended

    async def _end(self, taken: TakenSession, why: str, by: str = "", console: str = "") -> bool:
        if self._taken.get(taken.session) is not taken:
            return False
        await self._keep.write([Kept(*_KEEPS, marked(taken.session), {}, 0)])
        del self._taken[taken.session]
        self._tell("session.handed_back", taken, by=by, console=console, why=why)
        return True

    def _tell(self, kind: str, taken: TakenSession, turn: str = "", **more: Any) -> None:
        data: SessionEvent = {
            "session": taken.session,
            "platform": taken.platform,
            "bot": taken.bot,
            "by": taken.by,
            "console": taken.console,
            "waiting_since": taken.waiting or None,
        }
        self._publish(Event(kind, turn, {**data, **more}))

    # --- turns

    async def heard(self, turn: Turn, bot: Bot | None) -> Silence | None:
        """Return why a user's message is not answered, if an operator has its session.

        Where the platform says by now that people have it there, the operator has it no longer.

        Raises:
            VendorError: the platform did not say.
            StoreError: it could not be written down that a user waits.
        """
        taken = self.of(turn.message)
        if taken is None or turn.number in taken.lets:
            return None
        if bot is not None and bot.holds is not None:
            try:
                await bot.holds.hold(turn.message.reply_to)
            except Conflict as error:
                await self.end(taken, error.message)
                return None
        if not taken.waiting:
            async with self.changing:
                if self._taken.get(taken.session) is taken:
                    taken.waiting = turn.message.received
                    await self._keep.write([self.kept(taken)])
        return Silence(self._why(taken), heard="user")

    def mutes(self, turn: Turn) -> Silence | None:
        """Return why an event is not answered, if an operator has its session."""
        taken = self.of(turn.message) if turn.message.kind == "event" else None
        return Silence(self._why(taken)) if taken is not None else None

    def _why(self, taken: TakenSession) -> str:
        return f"{taken.by} has taken the session over"

    def withholds(self, turn: Turn) -> TakenSession | None:
        """Return who has the session of a turn, whose answer is then not said."""
        if not self._taken or turn.message.kind == "push":
            return None
        taken = self.of(turn.message)
        return taken if taken is not None and turn.number not in taken.lets else None

    def cuts(self, turn: Turn) -> bool:
        """Whether the answer of a turn ends before it begins: its operator has spoken, or wants none."""
        return turn.number in self._cut

    def cut(self, turn: Turn, *, throw_away: bool = False) -> None:
        """Let a turn's answer end when it begins; ``throw_away``: of what there is, nothing is kept."""
        self._cut.add(turn.number)
        if throw_away:
            self._thrown_away.add(turn.number)

    def keep_back(self, turn: Turn) -> None:
        """Let what a turn would say be a draft (``vars["draft"]``) for the operator who has its session.

        The user's words stay in the history; the draft is none of it.
        """
        if (taken := self.withholds(turn)) is None:
            return
        stopped = turn.vars.get("finish") == "stopped"
        if turn.state == "answered" or (stopped and turn.state == "dropped"):
            if turn.reply.text and turn.number not in self._thrown_away:
                turn.vars["draft"] = turn.reply.text
            turn.state, turn.reason = "dropped", self._why(taken)
            if turn.message.written:
                turn.vars["heard"] = "user"
        turn.reply.parts.clear()

    def ended(self, turn: int) -> None:
        """Forget a turn that is done."""
        self._cut.discard(turn)
        self._thrown_away.discard(turn)

    # --- whoever waits

    @property
    def overdue(self) -> list[TakenSession]:
        """Those whose users wait for their operators for longer than they should."""
        patience, now = self._settings().patience, self._clock()
        if not patience:
            return []
        return [taken for taken in self.all if taken.waiting and now - taken.waiting > patience]

    async def run(self) -> None:
        """Hand back what was left alone, and tell in health whose users wait, until cancelled."""
        told = False
        while True:
            await anyio.sleep(_LOOK)
            if self._taken:
                await self._hand_back_idle()
            if told or self._taken:
                late = self.overdue
                self._board.report(_COMPONENT, "degraded" if late else "ok", _waiting(late))
                told = True

    async def _hand_back_idle(self) -> None:
        idle = self._settings().idle
        for taken in self.all:
            if not idle or self._clock() - taken.acted <= idle:
                continue
            why = f"{taken.by} said nothing for {idle:g}s"
            try:
                async with self.changing:
                    if self._clock() - taken.acted <= idle or not await self._end(taken, why):
                        continue
            except StoreError as error:
                log.warning("a session cannot be handed back", session=taken.session, error=str(error))
                continue
            waits = {"waiting_since": taken.waiting} if taken.waiting else {}
            log.warning(
                "a session is the bot's again", session=taken.session, operator=taken.by, why=why, **waits
            )


def _waiting(late: list[TakenSession]) -> str:
    """Say whose users wait for whom."""
    if not late:
        return ""
    named = ", ".join(f"{each.session} for {each.by}" for each in late[:_NAMED])
    more = f" and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
    what = "1 session waits" if len(late) == 1 else f"{len(late)} sessions wait"
    return f"{what} for the operator: {named}{more}"
