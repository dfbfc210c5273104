"""The store: what is on disk before it counts, by named operations.

A store is made of parts, so that whoever needs one operation gets no more than its part. All raise StoreError
when something cannot be read or written; of a write nothing is on disk then, unless told otherwise. What the
operations take and return is typed: neither connections nor rows are seen outside of a store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from mindbot.domain.chat import ChatMessage
from mindbot.domain.delivery import Delivery
from mindbot.domain.host import TurnAnswer
from mindbot.domain.message import Json, Message

# Whoever uses a store knows these under this module's name.
from mindbot.domain.ports.store_values import SPENDING_KEPT as SPENDING_KEPT
from mindbot.domain.ports.store_values import Anew as Anew
from mindbot.domain.ports.store_values import GivenUp as GivenUp
from mindbot.domain.ports.store_values import Keeps as Keeps
from mindbot.domain.ports.store_values import Kept as Kept
from mindbot.domain.ports.store_values import Live as Live
from mindbot.domain.ports.store_values import RolledBack as RolledBack
from mindbot.domain.ports.store_values import TurnsFound as TurnsFound
from mindbot.domain.ports.store_values import Wanted as Wanted
from mindbot.domain.shapes.instruments import SqlAnswerJson
from mindbot.domain.shapes.turns import DeadLetterJson, Plain, SessionRecord, TurnJson, TurnLineJson
from mindbot.domain.spending import DaySpent, Spender
from mindbot.domain.turn import Turn

#: What a step returns that is recorded: plain data.
Recorded = TypeVar("Recorded", bound=Plain)


class InboxStore(Protocol):
    """Messages as they came in, and their turns while they are open."""

    def storable(self, message: Message) -> Message:
        """Return a message as the store can hold it, which is nearly always the same one.

        Ids that differ stay different, and those that this has returned once are returned as they are.
        """

    async def put(self, message: Message) -> tuple[Turn, bool]:
        """Write a message that is `storable`; returns its turn, and whether it had been there before."""

    async def put_all(self, messages: Sequence[Message], kept: Sequence[Kept]) -> list[tuple[Turn, bool]]:
        """Write messages and what is kept in one transaction; returns as `put`, for each message."""

    async def recover(self, limit: int = -1) -> list[Turn]:
        """Return the turns that an earlier process left open, oldest first, ``limit`` at most.

        `queued_after` reads the others. Each counts one attempt more than on disk; `TurnStore.begin`
        writes it.
        """

    async def queued_after(self, number: int, limit: int) -> list[Turn]:
        """Return open turns that were put after ``number``, oldest first.

        Those that cannot be read become dead letters, and are not among them.
        """

    async def unheard(self) -> list[Turn]:
        """Return turns that are on disk although whoever brought them heard the contrary; each once."""

    async def message(self, turn: int) -> Message:
        """Return a turn's message as it came; raises StoreUnreadable for a damaged one."""

    async def turn_of(self, platform: str, bot: str, key: str) -> int | None:
        """Return the turn of the message that a bot got under this key."""


class TurnStore(Protocol):
    """Turns from their first attempt to their end, and what is said of them later."""

    async def begin(self, turn: Turn) -> None:
        """Count the attempt on disk before a turn that was open in a crash runs again."""

    async def excuse(self, turns: Sequence[Turn]) -> None:
        """Let the attempt that these turns are in not count."""

    async def finish(self, turn: Turn, deliveries: Sequence[Delivery]) -> None:
        """Write the end of a turn (and of those it answers as well) and its deliveries in one transaction."""

    async def once(self, turn: Turn, key: str, step: Callable[[], Awaitable[Recorded]]) -> Recorded:
        """Return the recorded result of a step, or run it and record what it returned."""

    def trail(self, turn: Turn, trail: Json) -> None:
        """Keep what is known of an open turn's steps (`mindbot.domain.trail`), soon and in place of what was.

        It goes with the turn's memo, and a turn that ends first leaves none. Raises StoreError once closed.
        """

    async def answer(self, turn: int) -> TurnAnswer | None:
        """Tell how far a turn is, and what it said; None when there is no such turn."""

    async def note(self, turn: int, fact: Plain) -> bool:
        """Keep what a platform said later of a turn; false when there is none."""

    async def requeue(self, turn: int) -> Turn | None:
        """Make a failed or dead turn ``queued`` again, however old it is; what it sent is forgotten.

        Returns: None when it is neither, or has deliveries on their way.

        Raises:
            StoreUnreadable: its message cannot be read; it stays as it is.
        """

    async def discard(self, turn: int) -> bool:
        """Make a dead turn ``dropped``; false when it is not dead."""

    async def restore(self, turn: int) -> bool:
        """Make a discarded turn dead again, as it was; false when it was not discarded."""


class HistoryStore(Protocol):
    """What was said in a session so far."""

    async def last(self, session: str, before: int, turns: int, group: str = "") -> list[ChatMessage]:
        """Return the last exchanges of a session before a turn, oldest first.

        Those of ``group`` were heard in the session as well: what the bot said of its own accord to a whole
        group, in which each member has a session.
        """

    async def until(self, session: str, before: int, turns: int, group: str = "") -> list[ChatMessage]:
        """Return what `last` returned to a turn that is over: read anew, and not kept in mind."""

    async def clear(self, session: str, platform: str, bot: str) -> None:
        """Let what was said in a session so far be no history of what comes; the turns stay to be seen."""

    async def remembered(self, session: str, exchanges: int) -> list[int]:
        """Return the turns of the last exchanges of a session, oldest first; of one that was forgotten, those
        since."""

    async def roll_back(self, session: str, platform: str, bot: str, gone: RolledBack) -> None:
        """Let these turns of a session be no history of what comes; they stay to be seen."""

    async def restore(self, session: str) -> RolledBack | None:
        """Let the turns that were rolled back last be history again; None where there are none."""


class OutboxStore(Protocol):
    """Deliveries until their end is known."""

    async def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """Write deliveries ahead of their turn's end, or of no turn (a proactive message)."""

    async def mark(self, delivery: Delivery) -> None:
        """Write a delivery's new state; its notes are added to those that are there."""

    async def open_deliveries(self, after: tuple[int, int] = (0, 0), limit: int = -1) -> list[Delivery]:
        """Return what is not sent and not dead, in order. What was being sent is now ``unknown``.

        That is about ``limit`` deliveries behind one, by its turn and place; none: there is no more.
        """

    async def open_streams(self) -> dict[int, Delivery]:
        """Return the answers that were on show when a process ended, by turn."""

    async def note(self, turn: int, n: int, fact: Plain) -> bool:
        """Keep what a platform said later of a delivery; false when there is none."""

    async def refuse(self, turn: int, n: int, error: str) -> Delivery | None:
        """Make a sent delivery dead: the platform told later that it did not arrive; None if it is not sent.

        Raises:
            StoreUnreadable: it cannot be read; it is dead all the same.
        """

    async def sent_since(self, ts: float, platform: str, bot: str, limit: int = 20_000) -> list[Delivery]:
        """Return a bot's newest sent deliveries of turns put since a moment (Unix seconds), oldest first."""

    async def delivery(self, turn: int, n: int) -> Delivery | None:
        """Return one delivery; raises StoreUnreadable."""

    async def deliveries(self, turn: int) -> list[Delivery]:
        """Return what a turn sent and has to send, in order, as far as it can be read."""

    async def revive(self, turn: int, n: int) -> Delivery | None:
        """Make a dead delivery ``pending`` again, as good as new; None when it is not dead (any more).

        One that was said to have arrived before it was refused is made anew: it is another message then.

        Raises:
            StoreUnreadable: it cannot be read; it stays dead.
        """

    async def discard(self, turn: int, n: int) -> bool:
        """Make a dead delivery ``discarded``, also one that cannot be read; false when it is not dead."""

    async def restore(self, turn: int, n: int) -> bool:
        """Make a discarded delivery dead again; false when it is not discarded."""


class KeepStore(Protocol):
    """What bots keep, and the runtime of them: small values by key. A time that is over is no value."""

    async def write(self, values: Sequence[Kept]) -> None:
        """Write values in one transaction."""

    async def get(self, platform: str, bot: str, key: str) -> Json | None:
        """Return a value; None when there is none, or it cannot be read and was put aside."""

    async def items(self, platform: str, bot: str, prefix: str, limit: int) -> dict[str, Json]:
        """Return what is kept under keys that begin so, in the order of the keys."""

    async def lost(self, platform: str, bot: str, key: str) -> bool:
        """Whether something was kept under a key that could not be read and was put aside."""


#: Before all days.
NEWEST = ("9999-12-31", "")


class SpendingStore(Protocol):
    """What was spent on models, by whom and on which day: sums that only grow."""

    def count(self, spent: Sequence[DaySpent]) -> None:
        """Add to the sums without waiting; whoever is there twice is charged twice.

        It is on disk no later than whatever is written after this, and soon in any case. While the store
        cannot be written it is kept, and what is wrong is told as with other writes.

        Raises:
            StoreError: the store is closed, and nothing is added.
        """

    async def settled(self) -> None:
        """Wait until what was counted so far is on disk; raises StoreError while it cannot be."""

    async def of(self, by: Spender, who: str, first: str) -> list[DaySpent]:
        """Return what somebody spent, by day from ``first`` on."""

    async def since(
        self, first: str, by: Spender, limit: int = 1000, after: tuple[str, str] = NEWEST
    ) -> list[DaySpent]:
        """Return what everybody of a kind spent, the newest day first, back to ``first``, and by name.

        ``after`` is the day and the name of the last one of the page before.
        """


class Queries(Protocol):
    """What operators ask. What cannot be read hides nothing else: it is shown as dead, with the reason."""

    async def list_turns(self, keep: Keeps | None, limit: int, before: str) -> list[TurnLineJson]:
        """Return summaries, newest first; ``before`` is the id to go on from."""

    async def find_turns(self, wanted: Wanted | None, limit: int, before: str, patience: float) -> TurnsFound:
        """Return turns, newest first, that are wanted (None: all); ``before`` is the id to go on from.

        It looks for ``patience`` seconds at most (and at one page at least), and tells how far it came.
        """

    async def lines_of(self, numbers: Sequence[int]) -> list[TurnLineJson]:
        """Return summaries of turns, and of those that were answered together with them, the oldest first."""

    async def turns_between(self, low: int, high: int, limit: int) -> list[int]:
        """Return the ids of turns from one to another, both included, newest first."""

    async def get_turn(self, turn: str) -> TurnJson:
        """Return everything known of a turn; raises NotFound."""

    async def kept_turn(self, turn: str) -> Turn:
        """Return a turn as it is on disk, with what its steps returned; raises NotFound, StoreUnreadable."""

    async def message_of(self, turn: str) -> Message:
        """Return the message of a turn; raises NotFound, StoreUnreadable."""

    async def last_message(self, session: str) -> Message:
        """Return the last message of a session; raises NotFound, StoreUnreadable."""

    async def last_in_group(self, group: str) -> Message:
        """Return the last message of a group's members, whose sessions begin with the group's and a colon;
        raises NotFound, StoreUnreadable."""

    async def list_dead(self, limit: int, below: str = "") -> list[DeadLetterJson]:
        """Return deliveries and turns given up on, newest first; those older than ``below``, an id."""

    async def letters_now(self, letters: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return how deliveries and turns are by now, by id: the state, and why it is so. What is gone is
        left out."""

    async def list_sessions(self, limit: int, before: str) -> list[SessionRecord]:
        """Return sessions, the most recently active first; ``before`` is the turn to go on from."""


class Store(Protocol):
    """All of it, and its upkeep."""

    @property
    def inbox(self) -> InboxStore: ...
    @property
    def turns(self) -> TurnStore: ...
    @property
    def history(self) -> HistoryStore: ...
    @property
    def outbox(self) -> OutboxStore: ...
    @property
    def keep(self) -> KeepStore: ...
    @property
    def spending(self) -> SpendingStore: ...

    @property
    def place(self) -> str:
        """Where it is, for operators."""

    @property
    def batches(self) -> int:
        """How many transactions of what comes and goes were written since the start."""

    @property
    def found_back_to(self) -> float | None:
        """How far back turns are found without looking at each (Unix seconds); 0: all are, None: none yet."""

    @property
    def damage(self) -> str:
        """What an operator has to know of what cannot be read; empty while everything could be."""

    @property
    def anew(self) -> Anew:
        """What was put away when it was opened."""

    def opened(self) -> AbstractAsyncContextManager[None]:
        """Open it for the length of the block. May be tried again when it failed.

        The process makes ids (`mindbot.domain.ids`) behind those that are there, as a worker of its own.

        Raises:
            StoreError: it cannot be opened, is damaged, locked, or newer than this program.
            Conflict: another process uses it.
        """

    async def queries(self, live: Live) -> Queries:
        """Return the operators' questions, made at the first call and closed with the store."""

    async def check(self) -> None:
        """Look whether it is still what was opened; raises StoreGone."""

    async def probe(self) -> None:
        """Prove that it can write. Used after a failure to notice recovery."""

    async def purge(self, older_than: float, limit: int = 2000) -> int:
        """Delete ended turns and deliveries received before ``older_than`` (Unix seconds).

        Returns: how many went, of turns or of deliveries; at most ``limit`` of each do.
        """

    async def thin_traces(self, after: int, before: int, limit: int = 200) -> int | None:
        """Leave of the traces of ended turns between two ids (neither is among them) what lists tell.

        Returns: the last turn that was looked at, of ``limit`` at most; None when there is none.
        """

    async def weigh_traces(self, below: int, limit: int = 500) -> list[tuple[int, int]]:
        """Return the newest turns below an id, and the bytes that all but the message of each takes."""

    async def purge_kept(self, limit: int = 2000) -> int:
        """Delete what was kept for a time that is over, and what was spent over a year ago.

        Returns: how many went, at most ``limit``.
        """

    async def given_up(self) -> GivenUp:
        """Count the deliveries that were given up on; nothing else waits meanwhile."""

    async def dead_turns(self) -> int:
        """Count the turns that were given up on: all turns may be read for that, and nothing else waits."""

    async def failed(self, since: float, limit: int) -> list[int]:
        """Return the newest turns since a moment (Unix seconds) that failed, or did not reach anybody."""

    async def ended(self, since: float, before: float) -> dict[int, tuple[int, int]]:
        """Count the turns that were answered, and that failed, by the second in which they ended (all times
        are Unix seconds), but for those that operators tried out. At high load only the newest tell."""

    async def reached(self, sessions: Sequence[str], since: float) -> dict[tuple[str, str], int]:
        """Return the last turn since a moment whose answer arrived, by session and sender."""

    async def query(self, sql: str, limit: int, timeout: float) -> SqlAnswerJson:
        """Return what a question in SQL finds, at most ``limit`` rows; it can only read.

        Raises:
            Invalid: it is no such question, or this store answers none.
            TimedOut: it took longer than ``timeout`` seconds.
            StoreError: nothing could be read.
        """

    async def backup(self, target: Path) -> None:
        """Copy everything to a new file, and prove it; raises Conflict when one is there."""
