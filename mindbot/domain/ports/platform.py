"""A chat network's adapter, and what it is given to hand messages in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.message import Json, Message, Part


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message is on disk: its turn, and whether it had been there before."""

    turn: int
    duplicate: bool = False


#: Returns once the message is on disk; raises StoreError when it is not, and then the platform gets no ack.
Receive = Callable[[Message], Awaitable[Receipt]]

#: Called by a component to say how it is: ("ok" | "starting" | "degraded" | "failed", reason).
Report = Callable[[str, str], None]


@runtime_checkable
class Platform(Protocol):
    """A chat network's adapter; one instance is one bot."""

    name: str  # the platform: wecom, dingtalk, …
    bot: str
    #: A second send of the same delivery is recognised by the platform and not shown twice.
    idempotent: bool

    async def run(self, receive: Receive, report: Report) -> None:
        """Live until cancelled; for a webhook platform, prove the credentials and then wait."""

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        """Split a reply into platform messages within the platform's limits. Pure."""

    def address(self, user: str) -> Json:
        """Return the ``reply_to`` that reaches a user without a message to answer."""

    async def send(self, delivery: Delivery) -> Sent:
        """Send one platform message.

        Raises:
            VendorError: ``retryable`` decides what the outbox does next; a NetworkFailed whose ``sent`` is
                true leaves the outcome unknown.
        """


@runtime_checkable
class Remembers(Protocol):
    """A platform that must know what it sent lately, also before this process began."""

    remembers: float  # seconds

    def remember(self, sent: Iterable[Delivery]) -> None:
        """Learn what was sent, oldest first."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A callback as it came. ``query`` is URL-decoded; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


@runtime_checkable
class Webhook(Protocol):
    """A platform that is called back over HTTP on a public port."""

    name: str
    bot: str
    host: str
    port: int
    max_body: int  # bytes

    async def callback(self, request: WebhookRequest, receive: Receive) -> WebhookResponse:
        """Answer one callback: verify, decrypt, `receive`, acknowledge. Never raises for bad input."""
