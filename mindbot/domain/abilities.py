"""What a platform may be able to do beyond receiving and sending. Each is found by `isinstance`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from mindbot.domain.delivery import Delivery
from mindbot.domain.host import File
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.shapes.daemon import CheckJson
from mindbot.domain.shapes.turns import HandedJson, PersonJson


@runtime_checkable
class Streams(Protocol):
    """Shows an answer while it is written: an AI card, a streamed message.

    The delivery (``kind`` "stream", ``n`` 0) is on disk before the first `stream`; its ``id`` is a good
    tracking id. `Platform.send` with the same delivery ends it with the final text in ``parts``, whether or
    not `stream` was ever called or worked: it finishes what is shown, or says the whole text once in a plain
    message. A ``notes.interrupted`` says that the process died in between: what is shown then is finished
    as interrupted and the answer sent plainly (or the stream is ended with the whole answer where a new
    message is not possible).
    """

    @property
    def pace(self) -> float:
        """Seconds from one update of a stream to the next; asked each time."""

    def can_stream(self, message: Message) -> bool:
        """Tell whether the answer to this message can be shown growing. Pure."""

    async def stream(self, delivery: Delivery, text: str) -> None:
        """Show the answer so far (all of it); the first call also opens it.

        Best effort, bounded by the caller's deadline; a slow-down the platform asks for is waited for here.
        After a VendorError nothing more is shown until `send`.
        """


@runtime_checkable
class EndsWhole(Protocol):
    """A stream that ends with the whole first message of the plan: pictures and cards beside its text."""

    ends_whole: Literal[True]


@runtime_checkable
class Repeats(Protocol):
    """Knows some deliveries again though not all of them (``idempotent`` is false)."""

    def repeatable(self, delivery: Delivery) -> bool:
        """Tell whether a second send of this one, now, shows nothing twice; asked before each. Pure."""


@runtime_checkable
class TakesBack(Protocol):
    """What was sent can be taken off the screens again, for a while."""

    async def take_back(self, delivery: Delivery) -> None:
        """Take back what a delivery showed, all of it but what is `gone` already; each that goes is added.

        Raises:
            Rejected: it stays: too late, or sent in a way that gives nothing to name it by.
            VendorError: the platform could not be asked.
        """


@runtime_checkable
class Fetches(Protocol):
    """Messages bring references to media that must be downloaded after the ack."""

    async def fetch(self, message: Message, part: Part) -> File | None:
        """Download what a part refers to into the media store; None when it refers to nothing.

        Raises:
            MindBotError: it cannot be had; the part then says so and the turn goes on.
        """


@dataclass(frozen=True, slots=True)
class Silence:
    """Why the bot does not answer a message, and what it says instead (mostly nothing).

    ``heard`` keeps the message in the session's history although nobody answers it here: as words of the
    ``user``, or of the ``assistant`` where a person spoke in the bot's place.
    """

    reason: str
    say: tuple[Part, ...] = ()
    heard: Literal["", "user", "assistant"] = ""


@runtime_checkable
class Attended(Protocol):
    """People can serve a session in the bot's place."""

    async def silence(self, message: Message) -> Silence | None:
        """Ask, before the model is: may the bot answer? Raises VendorError; retried by the caller."""


@runtime_checkable
class Transfers(Protocol):
    """A session can be handed to people and back: by an operator, or by a reply's part of the kind
    ``transfer`` (its text is said, ``data["to"]`` names to whom), which comes to `Platform.send` in its
    place among the other deliveries."""

    async def transfer(self, address: Json, to: str) -> HandedJson:
        """Hand a session to ``pool``, ``bot``, ``end``, or a person by user id; returns the new state.

        Raises:
            Conflict: the session's state does not allow it; the message says which would.
            VendorError: the platform refused.
        """


@runtime_checkable
class Holds(Protocol):
    """The platform keeps who serves a session: an operator who takes it here must be let."""

    async def hold(self, address: Json) -> None:
        """See that the bot, in whose name an operator speaks, serves a session, and nobody is given it.

        Asked when a session is taken, whenever its user writes, and before an operator says something.

        Raises:
            Conflict: people have it there, or nobody may say anything; the message says which.
            Invalid: it is no conversation.
            VendorError: the platform could not be asked.
        """


@runtime_checkable
class Greets(Protocol):
    """Some events are answered without a model (a welcome)."""

    def greeting(self, message: Message) -> Sequence[Part]:
        """Return the answer to an event; empty for none. Pure."""


@runtime_checkable
class AnswersInTime(Protocol):
    """Some messages can be answered for a while only."""

    def answer_until(self, message: Message) -> float:
        """Return when (Unix seconds) no answer to a message is taken any more, infinity for never. Pure."""


@runtime_checkable
class Rationed(Protocol):
    """Only so many messages may be said until the user writes again."""

    async def left(self, address: Json, waiting: Collection[str] = ()) -> int | None:
        """Return how many are left beside the deliveries (ids) that are on their way, None when nobody knows.

        Raises:
            StoreError: it cannot be read.
        """

    def plan_within(self, parts: Sequence[Part], most: int) -> list[list[Part]]:
        """Plan as `Platform.plan` does, with at most so many messages. Pure."""


@runtime_checkable
class Merges(Protocol):
    """Replies are scarce: messages that queued up behind a running turn are answered together."""

    def merge(self, messages: Sequence[Message]) -> Message:
        """Return the first message with the parts of all, numbered. Pure."""


@dataclass(frozen=True, slots=True)
class Check:
    """One step of a bot's self-test. ``mend`` names the setting or console page that mends a failure."""

    name: str
    state: Literal["ok", "failed", "skipped"]
    detail: str = ""
    mend: str = ""

    def to_json(self) -> CheckJson:
        return {"name": self.name, "state": self.state, "detail": self.detail, "mend": self.mend}


@runtime_checkable
class Tests(Protocol):
    """Can prove that a bot works."""

    async def test(self) -> list[Check]:
        """Do a real round trip with the platform, step by step; never raises for what the platform says."""


@runtime_checkable
class Describes(Protocol):
    """Has more to tell of its state than ok or failed."""

    def details(self) -> Json:
        """Return plain JSON for operators: connections with since-when, counters, budgets. No secrets."""


@runtime_checkable
class People(Protocol):
    """There is a directory of the people who write."""

    async def user(self, id: str) -> PersonJson:
        """Return what is known of somebody by the id that messages name as their sender.

        It is empty for one that the platform does not know.

        Raises:
            ConfigError: the directory is not set up; the hint says what it takes.
            MindBotError: it cannot be asked.
        """


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address leads, in the words of messages from there: session, sender, chat."""

    session: str
    user: str
    chat: str


@runtime_checkable
class Places(Protocol):
    """Sessions are not named ``platform:bot:user``, as they are elsewhere."""

    def place(self, address: Json) -> Place:
        """Return the conversation that an address reaches: a push belongs to it as answers do. Pure."""


@runtime_checkable
class Groups(Protocol):
    """Proactive messages can go to a group as well.

    Sessions of its members are named ``platform:bot:chat:user``; what is pushed is of ``platform:bot:chat``,
    and heard in all of them.
    """

    def address_group(self, chat: str) -> Json:
        """Return the ``reply_to`` that reaches a group."""
