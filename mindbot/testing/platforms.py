"""The test kit for platform adapters: small stand-ins, and the contract every adapter keeps.

A new adapter is tested by one class and one fixture:

    class TestWeCom(PlatformContract):
        @pytest.fixture
        async def rig(self) -> AsyncIterator[Rig]:
            async with simulated("wecom") as platform: ...
                yield MyRig(...)
"""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import anyio
import pytest
from aiohttp import web
from pydantic import SecretStr

from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import NetworkFailed, RateLimited, StoreError
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports import Platform, Receipt, Receive, Webhook, WebhookRequest
from mindbot.http.client import HttpClient
from mindbot.media.folder import FolderMedia


class PlainSecrets:
    """Secrets that need no looking up."""

    async def aget(self, value: SecretStr, /) -> str:
        return value.get_secret_value()


class Inbox:
    """Stands in for the intake: keeps messages; ``error`` makes it refuse, ``hold`` makes it wait."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.error: Exception | None = None
        self.entered = anyio.Event()
        self._go = anyio.Event()
        self._go.set()

    def hold(self) -> None:
        """Let the next messages wait until `release`."""
        self._go = anyio.Event()

    def release(self) -> None:
        self._go.set()

    async def receive(self, message: Message) -> Receipt:
        self.entered.set()
        await self._go.wait()
        if self.error:
            raise self.error
        duplicate = any(seen.key == message.key for seen in self.messages)
        self.messages.append(message)
        return Receipt(len(self.messages), duplicate)


class MemoryKeep:
    """A `Keep` without a disk; ``ttl`` is ignored. ``error`` makes it refuse."""

    def __init__(self, inbox: Inbox) -> None:
        self.values: dict[str, Json] = {}
        self.error: Exception | None = None
        self._inbox = inbox

    async def get(self, key: str) -> Json | None:
        return copy.deepcopy(self.values.get(key))

    async def put(self, key: str, value: Json | None, *, ttl: float = 0.0) -> None:
        if self.error:
            raise self.error
        self._write(key, value)

    async def items(self, prefix: str, *, limit: int = 1000) -> dict[str, Json]:
        keys = [key for key in sorted(self.values) if key.startswith(prefix)][:limit]
        return {key: copy.deepcopy(self.values[key]) for key in keys}

    async def receive(self, messages: Sequence[Message], values: Mapping[str, Json]) -> list[Receipt]:
        if self.error:
            raise self.error
        receipts = [await self._inbox.receive(message) for message in messages]
        for key, value in values.items():
            self._write(key, value)
        return receipts

    def _write(self, key: str, value: Json | None) -> None:
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = json.loads(json.dumps(value))


class Desk:
    """Keeps what an adapter tells and asks of the runtime: ``told`` and ``stopped``."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Json]] = []
        self.stopped: list[str] = []

    async def tell(self, subject: str, fact: Json) -> None:
        self.told.append((subject, fact))

    async def stop(self, turn: str) -> bool:
        self.stopped.append(turn)
        return True


def a_host(http: HttpClient, inbox: Inbox, folder: Path, *, desk: Desk | None = None) -> Host:
    """Return what ``Platform.build`` is given, with media in ``folder`` and nothing else on disk."""
    desk = desk or Desk()
    return Host(
        http=http,
        secrets=PlainSecrets(),
        keep=MemoryKeep(inbox),
        media=FolderMedia(folder, http),
        stop=desk.stop,
        told=desk.tell,
    )


class Health:
    """Keeps what an adapter reports; ``states`` is without the reasons."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, str]] = []
        self._told = anyio.Event()

    @property
    def states(self) -> list[str]:
        return [state for state, _ in self.reports]

    def report(self, state: str, reason: str) -> None:
        self.reports.append((state, reason))
        self._told.set()

    async def until(self, state: str) -> str:
        """Wait for a state; return its reason."""
        while True:
            for told, reason in self.reports:
                if told == state:
                    return reason
            self._told = anyio.Event()
            await self._told.wait()


@asynccontextmanager
async def served(webhook: Webhook, receive: Receive) -> AsyncIterator[str]:
    """Serve a webhook on a free loopback port while the block runs; yields its URL."""

    async def handle(request: web.BaseRequest) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        asked = WebhookRequest(request.method, request.path, dict(request.query), body, headers)
        answer = await webhook.callback(asked, receive)
        return web.Response(
            status=answer.status, body=answer.body, headers={"content-type": answer.content_type}
        )

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/{webhook.name}/{webhook.bot}/callback"
    finally:
        await runner.cleanup()


class Rig(Protocol):
    """An adapter connected to the far side of its platform, and a user there.

    ``kinds`` are the message kinds a user can send, ``limit`` the bytes of text in one message, ``address``
    the ``reply_to`` that reaches the user.
    """

    platform: Platform
    inbox: Inbox
    kinds: Sequence[str]
    limit: int
    address: Json

    async def push(self, kind: str, *, number: int = 1) -> bool:
        """Let the user send message ``number`` of a kind; the same number again is a redelivery.

        Returns whether the platform takes it as received.
        """

    def shown(self) -> list[str]:
        """Return the texts the user sees."""

    def throttle(self) -> None:
        """Let the platform refuse the next call for being one too many."""

    def expire_token(self) -> None:
        """Let the platform stop accepting the token in use."""

    def lose_answer(self) -> None:
        """Let the platform carry out the next call and break the connection before it answers."""


def a_delivery(rig: Rig, *parts: Part, n: int = 0) -> Delivery:
    """Return a delivery to the rig's user; ``n`` tells deliveries apart."""
    name, bot = rig.platform.name, rig.platform.bot
    return Delivery(
        turn=1 << 40,
        n=n,
        platform=name,
        bot=bot,
        session=f"{name}:{bot}:chat",
        to=rig.address,
        parts=list(parts),
    )


class PlatformContract:
    """What every platform adapter promises. Subclass it, and provide a ``rig`` fixture."""

    pytestmark = pytest.mark.anyio

    async def test_every_kind_is_received_and_acknowledged(self, rig: Rig) -> None:
        for kind in rig.kinds:
            assert await rig.push(kind), kind
            message = rig.inbox.messages[-1]
            assert (message.platform, message.bot, message.kind) == (
                rig.platform.name,
                rig.platform.bot,
                kind,
            )
            assert message.key
            assert message.raw
            assert message.parts
            assert message.session.startswith(f"{rig.platform.name}:{rig.platform.bot}:")
            assert Message.from_json(json.loads(json.dumps(message.to_json()))) == message

    async def test_a_redelivery_has_the_same_key_and_a_new_message_another(self, rig: Rig) -> None:
        for kind in rig.kinds:
            for number in (1, 1, 2):
                assert await rig.push(kind, number=number), kind
            first, again, other = rig.inbox.messages[-3:]
            assert first.key == again.key != other.key
            assert first.session == again.session == other.session

    async def test_nothing_is_acknowledged_before_it_is_stored(self, rig: Rig) -> None:
        rig.inbox.hold()
        acked = []

        async def push() -> None:
            acked.append(await rig.push("text"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push)
            await rig.inbox.entered.wait()
            await anyio.wait_all_tasks_blocked()
            assert not acked
            rig.inbox.release()
        assert acked == [True]

    async def test_what_cannot_be_stored_is_not_acknowledged(self, rig: Rig) -> None:
        rig.inbox.error = StoreError("disk full")
        assert not await rig.push("text")
        rig.inbox.error = None
        assert await rig.push("text")

    async def test_a_long_reply_is_split_without_loss(self, rig: Rig) -> None:
        text = "".join(f"{i}. 你好 world 👍🏽 {'x' * (i % 40)}.\n" for i in range(rig.limit // 10))
        plan = rig.platform.plan([text_part(text)])
        assert len(plan) > 1
        assert "".join(part.text for message in plan for part in message) == text
        for message in plan:
            assert sum(len(part.text.encode()) for part in message) <= rig.limit

    async def test_a_reply_keeps_the_order_of_its_parts(self, rig: Rig) -> None:
        plan = rig.platform.plan(
            [text_part("one"), text_part(""), Part("image", "[cat]"), text_part("three")]
        )
        texts = "\n".join(part.text for message in plan for part in message)
        assert texts.index("one") < texts.index("[cat]") < texts.index("three")
        assert not rig.platform.plan([])

    async def test_a_delivery_arrives(self, rig: Rig) -> None:
        sent = await rig.platform.send(a_delivery(rig, text_part("你好 <world> & 👍")))
        assert rig.shown() == ["你好 <world> & 👍"]
        assert sent.id

    async def test_everything_planned_can_be_sent(self, rig: Rig) -> None:
        plan = rig.platform.plan(
            [text_part("好" * rig.limit), Part("image", "[cat]"), Part("markdown", "**x**")]
        )
        for n, parts in enumerate(plan):
            await rig.platform.send(a_delivery(rig, *parts, n=n))
        # A platform with few messages puts parts together, a line each.
        assert "".join(rig.shown()).replace("\n", "") == "好" * rig.limit + "[cat]" + "**x**"

    async def test_equal_answers_to_two_questions_both_arrive(self, rig: Rig) -> None:
        for n in range(2):
            await rig.platform.send(a_delivery(rig, text_part("yes"), n=n))
        assert rig.shown() == ["yes", "yes"]

    async def test_a_throttled_call_says_when_to_come_back(self, rig: Rig) -> None:
        rig.throttle()
        delivery = a_delivery(rig, text_part("hello"))
        with pytest.raises(RateLimited) as caught:
            await rig.platform.send(delivery)
        assert caught.value.retry_after > 0
        await rig.platform.send(delivery)
        assert rig.shown() == ["hello"]

    async def test_a_token_that_ended_early_is_replaced(self, rig: Rig) -> None:
        await rig.platform.send(a_delivery(rig, text_part("one"), n=0))
        rig.expire_token()
        await rig.platform.send(a_delivery(rig, text_part("two"), n=1))
        assert rig.shown() == ["one", "two"]

    async def test_an_unknown_outcome_is_told_as_such(self, rig: Rig) -> None:
        delivery = a_delivery(rig, text_part("hello"))
        rig.lose_answer()
        with pytest.raises(NetworkFailed) as caught:
            await rig.platform.send(delivery)
        assert caught.value.sent
        if rig.platform.idempotent:
            delivery.again = True
            await rig.platform.send(delivery)
            assert rig.shown() == ["hello"]
