"""What MindBot gives an adapter: the way out, secrets, a place to keep things, a folder for media."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from mindbot.domain.delivery import Delivery
from mindbot.domain.message import Json, Message
from mindbot.domain.ports.http import Http
from mindbot.domain.ports.platform import Receipt
from mindbot.domain.shapes.daemon import FileJson
from mindbot.domain.shapes.turns import Plain
from mindbot.domain.shared import Shared


class Secrets(Protocol):
    """Where secrets come from, as late as possible."""

    async def aget(self, value: SecretStr, /) -> str:
        """Return the secret itself; raises SecretError."""


class Keep(Protocol):
    """What one bot keeps on disk: small JSON values by key. Each bot sees only its own.

    All raise StoreError when the store cannot do it; nothing of it is written then.
    """

    async def get(self, key: str) -> Json | None:
        """Return a value, or None when there is none, its time is over, or it cannot be read."""

    async def lost(self, key: str) -> bool:
        """Whether there was a value, until it could not be read."""

    async def put(self, key: str, value: Plain | None, *, ttl: float = 0.0) -> None:
        """Write a value, for ``ttl`` seconds or (0) for good; None removes it."""

    async def items(self, prefix: str, *, limit: int = 1000) -> dict[str, Json]:
        """Return what is kept under keys that begin so, in the order of the keys."""

    async def receive(
        self,
        messages: Sequence[Message],
        values: Mapping[str, Plain],
        *,
        ttl: float | Mapping[str, float] = 0.0,
    ) -> list[Receipt]:
        """Put messages into the inbox and write values in one transaction, then queue the turns.

        Values are kept for ``ttl`` seconds (one number, or some by key) or (0) for good.

        For platforms that are read with a cursor: it never gets ahead of the inbox, nor behind.
        """

    async def turn_of(self, key: str) -> str:
        """Return the id of the turn of the message with this key; empty when it is not in the inbox."""


@dataclass(frozen=True, slots=True)
class File:
    """A file in the media store. ``id`` is the hash of its content with the ending of its kind."""

    id: str
    size: int  # bytes
    type: str  # MIME
    name: str = ""  # as the sender called it

    def to_json(self) -> FileJson:
        return {"id": self.id, "size": self.size, "type": self.type, "name": self.name}


#: Changes what is downloaded on its way to the disk: decrypts it, say.
Through = Callable[[AsyncIterable[bytes]], AsyncGenerator[bytes, None]]


class Media(Protocol):
    """Files that came with messages or go out with them, streamed to disk and never into memory whole.

    All raise `Invalid` for what is too large or of a kind that is not allowed, with the limit; the first
    two also NetworkFailed, VendorError, and StoreError when the disk is full.
    """

    async def save(
        self, chunks: AsyncIterable[bytes], *, name: str = "", type: str = "", limit: int = 0
    ) -> File:
        """Store a stream; ``limit`` is bytes, 0 for the configured one."""

    async def fetch(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        name: str = "",
        limit: int = 0,
        through: Through | None = None,
    ) -> File:
        """Download into the store. Private addresses are refused unless they are a configured base URL's.

        A JSON object without a file name is a vendor's refusal, told with status 200: NotAFile. ``through``
        changes the content on its way.
        """

    async def find(self, id: str) -> File | None:
        """Return what is known of a file."""

    async def path(self, id: str) -> Path:
        """Return a local copy to read from; raises NotFound."""


@dataclass(frozen=True, slots=True)
class TurnAnswer:
    """How far a turn is: ``done`` when it has ended, with the deliveries of its reply in their order.

    ``overtakes``: something of an earlier turn of its session is still on its way.
    """

    done: bool
    deliveries: tuple[Delivery, ...] = ()
    overtakes: bool = False


@dataclass(frozen=True, slots=True)
class Host:
    """Handed to ``Platform.build``. ``stop`` ends a running turn early, with what is there so far; it
    returns whether the turn was running. ``told`` tells the operators' stream of something the platform
    said about an earlier turn or delivery (feedback, a late failure) and keeps it with that turn.
    ``answer`` tells how far a turn is, also one of an earlier process; None when there is no such turn.
    ``shared`` holds what all bots of an app have in common: its access token, its limits. ``since`` returns
    the moment (Unix seconds) before which nothing is answered, for platforms that are read with a cursor; 0
    when there is none. ``knows`` returns since when (Unix seconds) the inbox recognises what came before.
    """

    http: Http
    secrets: Secrets
    keep: Keep
    media: Media
    stop: Callable[[str], Awaitable[bool]]
    told: Callable[[str, Plain], Awaitable[None]]
    answer: Callable[[str], Awaitable[TurnAnswer | None]]
    shared: Shared = field(default_factory=Shared)
    since: Callable[[], float] = lambda: 0.0
    knows: Callable[[], float] = lambda: 0.0
