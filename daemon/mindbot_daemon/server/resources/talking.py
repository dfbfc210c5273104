"""What is said: turns, conversations, what was given up on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

from mindbot.domain.operators import Operator
from mindbot.domain.shapes.failures import FailuresJson, OpenBundleJson, RerunsJson, RetriedBundleJson
from mindbot.domain.shapes.jury import JurorJson, JuryJson
from mindbot.domain.shapes.queue import QueueJson
from mindbot.domain.shapes.replays import ForkedJson, ReplayJson, ReplayOrder
from mindbot.domain.shapes.rollbacks import RolledBackJson
from mindbot.domain.shapes.take_overs import HandedBackJson, Running, SaidJson, TakenJson, TakingJson
from mindbot.domain.shapes.traces import TurnDiffJson, TurnRequestsJson
from mindbot.domain.shapes.turns import (
    ChunkJson,
    ClearedJson,
    DoneJson,
    ListedLetterJson,
    SessionJson,
    SettledLettersJson,
    Settling,
    SpanJson,
    TakenBackJson,
    TransferredJson,
    TurnJson,
    TurnLineJson,
    TurnPageJson,
)


class Turns(Protocol):
    """Turns, and test messages."""

    async def list_turns(self, *, filter: str = "", limit: int = 50, before: str = "") -> list[TurnLineJson]:
        """Newest first, from the one before ``before``; raises for a filter that does not parse."""

    async def find_turns(
        self, *, filter: str = "", limit: int = 50, before: str = "", patience: float = 20.0
    ) -> TurnPageJson:
        """As `list_turns`, looked for ``patience`` seconds at most, and how far back that came."""

    async def get_turn(self, turn: str) -> TurnJson:
        """Everything known of a turn; raises NotFound."""

    async def get_spans(self, turn: str) -> list[SpanJson]:
        """A turn's steps, its deliveries last; raises NotFound."""

    async def take_back(self, turn: str) -> list[TakenBackJson]:
        """Take back what a turn sent; raises NotFound, Invalid, Conflict."""

    async def inject(
        self,
        *,
        text: str,
        platform: str,
        bot: str,
        user: str,
        session: str,
        files: Sequence[str],
        stream: bool,
        dry_run: bool,
    ) -> str:
        """Take a message as if its platform had sent it; returns the turn's id once it is on disk.

        With ``stream`` whoever brought it watches the answer grow; of a ``dry_run`` nothing is sent.

        Empty ``bot``, ``user`` and ``session`` mean the defaults. Raises NotFound for an unknown bot,
        StoreError when it could not be written.
        """

    async def wait_turn(self, turn: str, timeout: float) -> TurnJson:
        """Return the turn when it is done; raises TimedOut after ``timeout`` seconds."""

    async def wait_sent(self, turn: str, timeout: float) -> TurnJson:
        """Return the turn when its deliveries are sent or given up, or as it is after ``timeout`` seconds."""

    def watch_turn(self, turn: str) -> AsyncGenerator[ChunkJson | DoneJson, None]:
        """Yield the pieces of its answer while it runs, then the turn."""


class Traces(Protocol):
    """What is told of the traces of turns."""

    async def requests(self, turn: str) -> TurnRequestsJson:
        """What a turn asked models and workflows; raises NotFound, Invalid."""

    async def diff(self, turn: str, other: str) -> TurnDiffJson:
        """How another turn differs from one; raises NotFound, Invalid."""


class Jury(Protocol):
    """Several models or workflows asked the same."""

    async def ask(self, turn: str, jurors: Sequence[JurorJson], timeout: float) -> JuryJson:
        """What each would answer in a turn, as it is by now; raises NotFound."""


class Forks(Protocol):
    """Sandboxes that go on from sessions."""

    async def fork(self, session: str, at: str, conversations: Literal["renew", "copy"]) -> ForkedJson:
        """Make one; raises NotFound, Invalid, StoreError."""


class Replays(Protocol):
    """Turns made again."""

    async def replay(self, turn: str, order: ReplayOrder) -> str:
        """Make one again, on disk before it runs; returns its id. Raises NotFound, Invalid, Conflict."""

    async def wait_replay(self, turn: str, timeout: float) -> ReplayJson:
        """A replay beside its original once it is done; raises TimedOut."""

    async def compare(self, turn: str) -> ReplayJson:
        """The same as far as it has come; raises NotFound, Conflict."""


class Sessions(Protocol):
    """Conversations."""

    async def list_sessions(self, *, limit: int = 100, before: str = "") -> list[SessionJson]:
        """The most recently active first."""

    async def transfer(self, session: str, to: str) -> TransferredJson:
        """Hand a session over; raises NotFound, Invalid, Conflict, VendorError."""

    async def clear_session(self, session: str) -> ClearedJson:
        """Let what was said in a session be forgotten; raises NotFound, StoreError."""


class TakeOvers(Protocol):
    """Sessions in which operators answer in the bot's place."""

    def list_taken(self) -> list[TakenJson]:
        """The first ones first."""

    async def take(
        self, session: str, operator: Operator, *, running: Running = "draft", force: bool = False
    ) -> TakingJson:
        """Give one to an operator; raises NotFound, Conflict, Forbidden, VendorError."""

    async def say(
        self, session: str, operator: Operator, *, text: str = "", files: Sequence[str] = (), key: str = ""
    ) -> SaidJson:
        """Say something in one, once for each key; raises NotFound, Conflict, Invalid, VendorError."""

    async def hand_back(
        self, session: str, operator: Operator, *, to: str = "bot", force: bool = False
    ) -> HandedBackJson:
        """Give one back; raises NotFound, Conflict, Forbidden, Invalid, VendorError."""


class Rollbacks(Protocol):
    """The last exchanges of sessions."""

    async def roll_back(
        self, session: str, exchanges: int, expected: Sequence[str], *, dry_run: bool, by: str
    ) -> RolledBackJson:
        """Let them be no history any more; raises NotFound, Conflict, StoreError."""

    async def restore(self, session: str, *, by: str) -> RolledBackJson:
        """Take the last rollback back; raises NotFound, Conflict, StoreError."""


class DeadLetters(Protocol):
    """What was given up on."""

    async def list_dead_letters(
        self, limit: int = 100, filter: str = "", *, settled: bool = False
    ) -> list[ListedLetterJson]:
        """Newest first; ``settled``: also those that were settled lately. Raises FilterError."""

    async def settle_dead_letters(
        self, action: Settling, ids: Sequence[str] | None, filter: str | None, limit: int, below: str
    ) -> SettledLettersJson:
        """Settle those named, or those older than ``below`` that a filter lets through; raises FilterError,
        Invalid, NotFound."""

    async def get_dead_letter(self, id: str) -> ListedLetterJson:
        """One of them; raises NotFound."""

    async def retry_dead_letter(self, id: str) -> None:
        """Put it back into the outbox; raises NotFound."""

    async def discard_dead_letter(self, id: str) -> None:
        """Forget it; raises NotFound."""

    async def restore_dead_letter(self, id: str) -> None:
        """Take its discarding back; raises NotFound, Conflict."""


class Queue(Protocol):
    """What waits or is under way."""

    def queue(self, limit: int) -> QueueJson:
        """Turns and deliveries that are not done, the oldest first, at most ``limit`` of each."""

    def hasten(self, id: str, who: str) -> None:
        """Try a waiting delivery again now; raises NotFound, Conflict."""

    async def cancel(self, id: str, who: str) -> None:
        """Give a waiting delivery up; raises NotFound, Conflict, StoreError."""


class Failures(Protocol):
    """What went wrong in the last hours, by its cause; a ``window`` is seconds."""

    async def failures(self, window: float) -> FailuresJson:
        """The bundles, those in which most people wait first."""

    async def bundle(self, id: str, window: float) -> OpenBundleJson:
        """One with its people; raises NotFound."""

    async def retry(self, id: str, window: float) -> RetriedBundleJson:
        """Try again what people of one wait for; raises NotFound."""

    async def reruns(self, id: str) -> RerunsJson:
        """What came of those that were tried again lately, also when the bundle is over."""
