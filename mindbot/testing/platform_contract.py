"""The contract every platform adapter keeps, against the far side of its platform.

A new adapter is tested by one class and one fixture:

    class TestWeCom(PlatformContract):
        @pytest.fixture
        async def rig(self) -> AsyncIterator[Rig]:
            async with simulated("wecom") as platform: ...
                yield MyRig(...)
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import anyio
import pytest

from mindbot.domain.abilities import Repeats, Tests
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import AuthFailed, NetworkFailed, RateLimited, StoreError, VendorError
from mindbot.domain.host import Media
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports.platform import Platform
from mindbot.media.spool import bytes_of
from mindbot.testing.platforms import HealthReports, Inbox

#: Contents that platforms take for what they are called: they look at names, endings and sizes.
FILES = {
    "image": ("cat.png", b"\x89PNG\r\n\x1a\n" + b"0" * 64),
    "voice": ("hello.amr", b"#!AMR\n" + b"0" * 64),
    "video": ("walk.mp4", b"\x00\x00\x00\x18ftypmp42" + b"0" * 64),
    "file": ("terms.pdf", b"%PDF-1.4" + b"0" * 64),
}


class Rig(Protocol):
    """An adapter connected to the far side of its platform, and a user there.

    ``kinds`` are the message kinds a user can send, ``sends`` the kinds of parts that reach the user as what
    they are, ``limit`` the bytes of text in one message, ``address`` the ``reply_to`` that reaches the user.
    ``health`` is what the adapter reports to, ``media`` the store it was built with, ``stop`` ends it as the
    daemon does when it stops.
    """

    platform: Platform
    inbox: Inbox
    health: HealthReports
    media: Media
    kinds: Sequence[str]
    sends: Sequence[str]
    limit: int
    address: Json
    stop: Callable[[], Awaitable[None]]

    async def push(self, kind: str, *, number: int = 1) -> bool:
        """Let the user send message ``number`` of a kind; the same number again is a redelivery.

        Returns whether the platform takes it as received.
        """

    def shown(self) -> list[str]:
        """Return the texts the user sees."""

    def seen(self) -> list[str]:
        """Return the kinds of what the user sees, in the words of parts."""

    def fail(self) -> None:
        """Let the platform answer the next send with an internal error; nothing is done."""

    def refuse(self) -> None:
        """Let the platform refuse the credentials from now on."""

    async def interrupt(self) -> None:
        """Break every connection there is between the platform and the adapter."""

    def throttle(self) -> None:
        """Let the platform refuse the next call for being one too many."""

    def expire_token(self) -> None:
        """Let the platform stop accepting the token in use."""

    def lose_answer(self) -> None:
        """Let the platform carry out the next call and break the connection before it answers."""

    def lose_answers_before(self, step: str) -> bool:
        """Let two answers to what goes before a message be lost: to its ``token``, or to an ``upload``.

        The token in use must have ended. Returns False where sending has no such step.
        """


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
        created=time.time(),
    )


async def a_part(rig: Rig, kind: str) -> Part:
    """Return a part of a kind that a platform can show."""
    match kind:
        case "text":
            return text_part("hello")
        case "markdown":
            return Part("markdown", "**hello**")
        case "link":
            data: Json = {"title": "Terms", "url": "https://example.org/terms", "description": "All of them"}
            return Part("link", "Terms", data)
        case "card":
            buttons = [{"id": "yes", "text": "Yes"}, {"id": "no", "text": "No"}]
            return Part("card", "Shall we?", {"title": "A question", "buttons": buttons})
        case "location":
            data = {"name": "Here", "address": "There", "latitude": 23.1, "longitude": 113.3}
            return Part("location", "Here", data)
    name, content = FILES[kind]
    file = await rig.media.save(bytes_of(content), name=name)
    return Part(kind, f"[{kind}: {name}]", {"media": file.id, "name": name, "type": file.type})


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

    async def test_the_order_of_a_session_is_kept(self, rig: Rig) -> None:
        for number in range(1, 8):
            assert await rig.push("text", number=number)
        keys = [message.key for message in rig.inbox.messages]
        assert len(set(keys)) == 7
        assert len({message.session for message in rig.inbox.messages}) == 1
        for number in range(1, 8):  # redelivered: each has the key of its place
            assert await rig.push("text", number=number)
        assert [message.key for message in rig.inbox.messages[7:]] == keys

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

    async def test_a_broken_connection_is_made_again(self, rig: Rig) -> None:
        assert await rig.push("text", number=1)
        await rig.interrupt()
        assert await rig.push("text", number=2)
        await rig.interrupt()
        await rig.platform.send(a_delivery(rig, text_part("still here")))
        assert rig.shown() == ["still here"]

    async def test_what_is_on_its_way_when_the_adapter_stops_is_stored_or_not_acknowledged(
        self, rig: Rig
    ) -> None:
        rig.inbox.hold()
        acked: list[bool] = []

        async def push() -> None:
            acked.append(await rig.push("text"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push)
            await rig.inbox.entered.wait()
            rig.inbox.error = StoreError("the daemon is stopping")
            await rig.stop()
            rig.inbox.release()
        assert acked == [False]
        assert not rig.inbox.messages

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

    async def test_every_kind_it_can_send_arrives_as_that(self, rig: Rig) -> None:
        assert "text" in rig.sends
        for n, kind in enumerate(rig.sends):
            (planned,) = rig.platform.plan([await a_part(rig, kind)])
            sent = await rig.platform.send(a_delivery(rig, *planned, n=n))
            assert sent.id, kind
            assert rig.seen()[n:] == [kind], kind

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

    async def test_what_surely_failed_may_be_tried_again(self, rig: Rig) -> None:
        rig.fail()
        delivery = a_delivery(rig, text_part("hello"))
        with pytest.raises(VendorError) as caught:
            await rig.platform.send(delivery)
        assert caught.value.retryable
        assert not (isinstance(caught.value, NetworkFailed) and caught.value.sent)
        assert rig.shown() == []
        await rig.platform.send(delivery)
        assert rig.shown() == ["hello"]

    async def test_refused_credentials_are_told_with_their_mend(self, rig: Rig) -> None:
        if isinstance(rig.platform, Tests):
            assert all(check.state != "failed" for check in await rig.platform.test())
        rig.refuse()
        for n in range(2):
            with pytest.raises(AuthFailed) as caught:
                await rig.platform.send(a_delivery(rig, text_part("hello"), n=n))
            assert caught.value.hint
        state, reason = rig.health.reports[-1]
        assert state == "failed"
        assert reason.startswith("needs credentials")
        if isinstance(rig.platform, Tests):
            failed = [check for check in await rig.platform.test() if check.state == "failed"]
            assert failed
            assert all(check.mend for check in failed)

    async def test_a_token_that_ended_early_is_replaced(self, rig: Rig) -> None:
        await rig.platform.send(a_delivery(rig, text_part("one"), n=0))
        rig.expire_token()
        await rig.platform.send(a_delivery(rig, text_part("two"), n=1))
        assert rig.shown() == ["one", "two"]

    @pytest.mark.parametrize(("step", "kind"), [("token", "text"), ("upload", "file")])
    async def test_an_answer_lost_before_the_message_leaves_no_doubt_about_it(
        self, rig: Rig, step: str, kind: str
    ) -> None:
        await rig.platform.send(a_delivery(rig, text_part("before"), n=0))
        if kind not in rig.sends or not rig.lose_answers_before(step):
            pytest.skip(f"sending has no {step}")
        (planned,) = rig.platform.plan([await a_part(rig, kind)])
        delivery = a_delivery(rig, *planned, n=1)
        for _ in range(2):
            with pytest.raises(NetworkFailed) as caught:
                await rig.platform.send(delivery)
            assert not caught.value.sent
            assert caught.value.retryable
        assert rig.seen() == ["text"]
        await rig.platform.send(delivery)
        assert rig.seen() == ["text", kind]

    async def test_an_unknown_outcome_is_told_as_such(self, rig: Rig) -> None:
        delivery = a_delivery(rig, text_part("hello"))
        rig.lose_answer()
        with pytest.raises(NetworkFailed) as caught:
            await rig.platform.send(delivery)
        assert caught.value.sent
        delivery.again = True
        known = isinstance(rig.platform, Repeats) and rig.platform.repeatable(delivery)
        if rig.platform.idempotent or known:
            await rig.platform.send(delivery)
            assert rig.shown() == ["hello"]
