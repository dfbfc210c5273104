"""What the outbox does with each way a send can end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import anyio
import pytest
import structlog

from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery, DeliveryNotes, Sent
from mindbot.domain.errors import (
    Conflict,
    NetworkFailed,
    NotFound,
    Overloaded,
    RateLimited,
    Rejected,
    StoreFull,
)
from mindbot.domain.events import Event
from mindbot.domain.message import Part, text_part
from mindbot.domain.ports.platform import Receive, Report
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.patience import Policy
from mindbot.testing.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio


class Phone:
    """A platform that does what the script says, then accepts."""

    name, bot = "phone", "default"

    def __init__(self, *script: Exception, idempotent: bool = True) -> None:
        self.script = list(script)
        self.idempotent = idempotent
        self.seen: list[tuple[str, bool]] = []

    async def run(self, receive: Receive, report: Report) -> None: ...

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return [[p] for p in parts]

    def address(self, user: str) -> dict[str, str]:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        self.seen.append((delivery.text, delivery.again))
        if self.script:
            raise self.script.pop(0)
        return Sent(id=f"id-{delivery.text}")


class Disk:
    """Remembers every state that was written."""

    def __init__(self, failures: int = 0) -> None:
        self.states: dict[str, list[str]] = {}
        self.failures = failures

    async def mark(self, d: Delivery) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreFull("no space")
        self.states.setdefault(d.text, []).append(d.state)


def a_delivery(text: str, session: str = "s", n: int = 0, turn: int = 0) -> Delivery:
    return Delivery(
        turn or ids.new_id(), n, "phone", "default", session, {}, [text_part(text)], created=time.time()
    )


@asynccontextmanager
async def an_outbox(
    phone: Phone, disk: Disk, publish: Callable[[Event], None] = lambda e: None, **policy: float
) -> AsyncIterator[Outbox]:
    fast = Policy(**({"min_backoff": 0.001, "max_backoff": 0.002} | policy))  # type: ignore[arg-type]
    outbox = Outbox(disk.mark, publish, lambda topic: True, fast)
    outbox.serve(Bot.of(phone))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outbox.run)
        await anyio.lowlevel.checkpoint()
        with anyio.fail_after(PATIENCE):
            yield outbox
        tasks.cancel_scope.cancel()


async def done(outbox: Outbox) -> None:
    while outbox.waiting:
        await anyio.sleep(0.001)


async def test_pending_is_written_as_sending_before_the_request_leaves() -> None:
    phone, disk = Phone(), Disk()
    async with an_outbox(phone, disk) as outbox:
        outbox.submit([a_delivery("hi")])
        await done(outbox)
    assert disk.states == {"hi": ["sending", "sent"]}


async def test_a_free_lane_saves_that_write() -> None:
    phone, disk = Phone(), Disk()
    async with an_outbox(phone, disk) as outbox:
        first = a_delivery("hi")
        outbox.first_state(first)
        assert first.state == "sending"
        outbox.submit([first])
        second = a_delivery("behind it")
        outbox.first_state(second)
        assert second.state == "pending"
        outbox.submit([second])
        await done(outbox)
    assert disk.states == {"hi": ["sent"], "behind it": ["sending", "sent"]}


async def test_a_throttled_send_waits_for_the_vendor_and_keeps_the_order() -> None:
    phone, disk = Phone(RateLimited("slow down", retry_after=0.01), Overloaded("busy")), Disk()
    async with an_outbox(phone, disk) as outbox:
        turn = ids.new_id()
        outbox.submit([a_delivery("one", n=0, turn=turn), a_delivery("two", n=1, turn=turn)])
        await done(outbox)
    assert phone.seen == [("one", False), ("one", False), ("one", False), ("two", False)]
    assert disk.states["one"] == ["sending", "pending", "sending", "pending", "sending", "sent"]


async def test_throttled_sends_are_never_given_up_and_count_for_nothing() -> None:
    limit = Policy().max_attempts
    phone = Phone(*[RateLimited("slow down", retry_after=0.001)] * (limit + 5), Overloaded("busy"))
    disk = Disk()
    async with an_outbox(phone, disk) as outbox:
        outbox.submit([a_delivery("hi")])
        await done(outbox)
    assert disk.states["hi"][-1] == "sent"
    assert len(phone.seen) == limit + 7


@pytest.mark.parametrize("scope", ["bot", "session"])
async def test_a_limit_of_one_user_or_api_holds_up_nobody_else(scope: Literal["bot", "session"]) -> None:
    phone = Phone(RateLimited("slow down", retry_after=300, scope=scope))
    async with an_outbox(phone, Disk()) as outbox:
        outbox.submit([a_delivery("throttled")])
        await anyio.wait_all_tasks_blocked()
        other = a_delivery("other")
        other.session = "phone:default:somebody-else"
        outbox.submit([other])
        await anyio.wait_all_tasks_blocked()
        assert outbox.waiting == (2 if scope == "bot" else 1)
    assert (("other", False) in phone.seen) == (scope == "session")


async def test_an_unknown_outcome_is_sent_again_with_the_idempotency_mark() -> None:
    phone, disk = Phone(NetworkFailed("reset", sent=True)), Disk()
    async with an_outbox(phone, disk) as outbox:
        outbox.submit([a_delivery("hi")])
        await done(outbox)
    assert phone.seen == [("hi", False), ("hi", True)]
    assert disk.states["hi"] == ["sending", "unknown", "sending", "sent"]


async def test_a_request_that_never_left_is_sent_again_without_it() -> None:
    phone, disk = Phone(NetworkFailed("refused", sent=False)), Disk()
    async with an_outbox(phone, disk) as outbox:
        outbox.submit([a_delivery("hi")])
        await done(outbox)
    assert phone.seen == [("hi", False), ("hi", False)]


async def test_without_idempotency_an_unknown_outcome_is_repeated_once_only() -> None:
    lost = [NetworkFailed("reset", sent=True) for _ in range(5)]
    phone, disk = Phone(*lost, idempotent=False), Disk()
    async with an_outbox(phone, disk) as outbox:
        outbox.submit([a_delivery("hi")])
        await done(outbox)
    assert len(phone.seen) == 2
    assert disk.states["hi"][-1] == "dead"


async def test_a_refusal_is_a_dead_letter_and_the_next_goes_on() -> None:
    events: list[Event] = []
    phone, disk = Phone(Rejected("no such user", code="81013")), Disk()
    async with an_outbox(phone, disk, events.append) as outbox:
        outbox.submit([a_delivery("one"), a_delivery("two")])
        await done(outbox)
        assert outbox.dead == 1
    assert disk.states["one"][-1] == "dead" and disk.states["two"][-1] == "sent"
    assert [e.type for e in events] == ["delivery.dead", "delivery.sent"]
    assert "no such user" in events[0].data["error"]


async def test_it_gives_up_after_the_attempts_allowed() -> None:
    phone, disk = Phone(*[Overloaded("down") for _ in range(20)]), Disk()
    async with an_outbox(phone, disk, max_attempts=3) as outbox:
        outbox.submit([a_delivery("hi")])
        await done(outbox)
    assert len(phone.seen) == 3 and disk.states["hi"][-1] == "dead"


async def test_an_adapters_bug_is_shown_as_a_dead_letter() -> None:
    phone, disk = Phone(KeyError("oops")), Disk()
    async with an_outbox(phone, disk) as outbox:
        letter = a_delivery("hi")
        outbox.submit([letter])
        await done(outbox)
    assert letter.state == "dead" and "KeyError" in letter.error


async def test_a_hanging_send_holds_only_its_own_session() -> None:
    class Hanging(Phone):
        async def send(self, delivery: Delivery) -> Sent:
            if delivery.session == "hung":
                await anyio.sleep_forever()
            return await super().send(delivery)

    phone, disk = Hanging(), Disk()
    async with an_outbox(phone, disk) as outbox:
        outbox.submit([a_delivery("stuck", session="hung")])
        outbox.submit([a_delivery(f"{n}", session=f"s{n}") for n in range(20)])
        while len(phone.seen) < 20:
            await anyio.sleep(0.001)
        assert outbox.waiting == 1


async def test_a_send_that_was_done_is_not_repeated_because_the_disk_is_full() -> None:
    phone, disk = Phone(), Disk()
    async with an_outbox(phone, disk) as outbox:
        sent = a_delivery("hi")
        outbox.first_state(sent)
        disk.failures = 1
        outbox.submit([sent])
        await done(outbox)
    assert phone.seen == [("hi", False)] and disk.states["hi"] == ["sent"]


async def test_drained_does_not_wait_for_a_retry_that_is_far_away() -> None:
    phone, disk = Phone(RateLimited("later", retry_after=3600)), Disk()
    async with an_outbox(phone, disk) as outbox:
        outbox.submit([a_delivery("hi")])
        await anyio.wait_all_tasks_blocked()
        await outbox.drained()
    assert disk.states["hi"] == ["sending", "pending"]


async def test_what_joins_a_session_without_a_bot_is_a_dead_letter_too() -> None:
    disk, outbox_disk = Disk(), Disk()

    async def slow(d: Delivery) -> None:
        await anyio.lowlevel.checkpoint()
        await disk.mark(d)

    outbox_disk.mark = slow  # type: ignore[method-assign]
    async with an_outbox(Phone(), outbox_disk) as outbox:
        one, two = a_delivery("one"), a_delivery("two")
        one.bot = two.bot = "gone"
        outbox.submit([one])
        await anyio.lowlevel.checkpoint()
        outbox.submit([two])
        await done(outbox)
    assert disk.states == {"one": ["dead"], "two": ["dead"]}


async def test_an_adapter_that_says_nothing_costs_its_delivery_only() -> None:
    class Mute(Phone):
        async def send(self, delivery: Delivery) -> Sent:
            await super().send(delivery)
            return None  # type: ignore[return-value]

    phone, disk = Mute(), Disk()
    async with an_outbox(phone, disk) as outbox:
        outbox.submit([a_delivery("one"), a_delivery("two")])
        await done(outbox)
        assert outbox.dead == 2


async def test_two_bots_with_one_session_name_keep_to_their_own_wires() -> None:
    phone, other, disk = Phone(), Phone(), Disk()
    other.bot = "other"
    async with an_outbox(phone, disk) as outbox:
        outbox.serve(Bot.of(other))
        mine, theirs = a_delivery("mine"), a_delivery("theirs")
        theirs.bot = "other"
        outbox.submit([mine, theirs])
        await done(outbox)
    assert (phone.seen, other.seen) == ([("mine", False)], [("theirs", False)])


async def test_a_vendor_that_asks_for_a_day_is_asked_again_sooner() -> None:
    phone, disk = Phone(RateLimited("come back tomorrow", retry_after=86_400)), Disk()
    async with an_outbox(phone, disk) as outbox:
        delivery = a_delivery("hi")
        outbox.submit([delivery])
        while delivery.state != "pending" or not delivery.next_at:
            await anyio.lowlevel.checkpoint()
        assert delivery.next_at - time.time() < 900


async def test_a_row_from_before_the_clock_was_set_back_does_not_wait_for_that_long() -> None:
    phone, disk = Phone(), Disk()
    async with an_outbox(phone, disk) as outbox:
        tomorrow, later = a_delivery("tomorrow"), a_delivery("behind it")
        tomorrow.next_at = time.time() + 86_400
        outbox.submit([tomorrow, later])
        await done(outbox)
    assert phone.seen == [("tomorrow", False), ("behind it", False)]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Rejected("no such user"), "no such user"),
        (ValueError("bad header"), "phone could not make a request of it: ValueError: bad header"),
    ],
)
async def test_a_delivery_that_is_given_up_is_one_warning_with_its_place(error: Exception, said: str) -> None:
    phone, disk = Phone(Overloaded("busy"), error), Disk()
    with structlog.testing.capture_logs() as lines:
        async with an_outbox(phone, disk) as outbox:
            delivery = a_delivery("hi")
            outbox.submit([delivery])
            await done(outbox)
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("delivery given up", "warning")
    assert (line["platform"], line["bot"], line["delivery"]) == ("phone", "default", delivery.id)
    assert line["turn"] == ids.show(delivery.turn) and said in line["error"]
    assert outbox.traffic.of("phone", "default").dead == 1


async def test_without_idempotency_a_crash_during_the_repeat_does_not_repeat_it_once_more() -> None:
    phone, disk = Phone(idempotent=False), Disk()
    async with an_outbox(phone, disk) as outbox:
        first, again = a_delivery("first crash"), a_delivery("second crash")
        first.state = again.state = "unknown"
        first.again = again.again = True
        again.notes = DeliveryNotes(repeated=True)  # as it was on disk when the repeat was on the wire
        outbox.submit([first, again])
        await done(outbox)
    assert phone.seen == [("first crash", True)]
    assert first.notes == DeliveryNotes(repeated=True)
    assert disk.states == {"first crash": ["sending", "sent"], "second crash": ["dead"]}


async def test_what_a_stopped_bot_has_to_send_waits_until_it_is_started() -> None:
    phone, disk = Phone(), Disk()
    async with an_outbox(phone, disk) as outbox:
        outbox.hold("phone", "default")
        first = a_delivery("one")
        outbox.first_state(first)
        assert first.state == "pending"
        outbox.submit([first, a_delivery("two", n=1), a_delivery("other", session="t")])
        await anyio.wait_all_tasks_blocked()
        assert not phone.seen and outbox.waiting_of("phone", "default") == 3
        await outbox.drained()  # a stop of the daemon does not wait for it
        outbox.release("phone", "default")
        await done(outbox)
    assert sorted(text for text, _ in phone.seen) == ["one", "other", "two"]
    assert [text for text, _ in phone.seen if text != "other"] == ["one", "two"]


async def test_a_bot_stopped_between_two_messages_of_a_reply_keeps_the_second() -> None:
    disk = Disk()

    class Hung(Phone):
        go = anyio.Event()

        async def send(self, delivery: Delivery) -> Sent:
            await self.go.wait()
            return await super().send(delivery)

    phone = Hung()
    async with an_outbox(phone, disk) as outbox:
        outbox.submit([a_delivery("one"), a_delivery("two", n=1)])
        await anyio.wait_all_tasks_blocked()
        outbox.hold("phone", "default")
        phone.go.set()
        await outbox.drained()
        assert [text for text, _ in phone.seen] == ["one"]
        outbox.release("phone", "default")
        await done(outbox)
    assert [text for text, _ in phone.seen] == ["one", "two"]


async def test_each_bots_traffic_is_counted() -> None:
    phone, disk = Phone(Overloaded("busy"), Rejected("no such user")), Disk()
    async with an_outbox(phone, disk) as outbox:
        outbox.submit([a_delivery("lost")])
        await done(outbox)
        traffic = outbox.traffic.of("phone", "default")
        assert (traffic.sent, traffic.retried, traffic.dead) == (0, 1, 1)
        assert "no such user" in traffic.error and traffic.failed
        outbox.submit([a_delivery("hi")])
        await done(outbox)
    assert traffic.sent == 1 and traffic.last_sent and not traffic.error
    assert "no such user" in traffic.last_error and traffic.last_failed
    minutes = traffic.to_json(0)["minutes"]
    assert (sum(minutes["sent"]), sum(minutes["failed"]), sum(minutes["received"])) == (1, 2, 0)


async def test_what_a_platform_knows_again_is_repeated_freely_and_unmarked() -> None:
    class Knowing(Phone):
        def repeatable(self, delivery: Delivery) -> bool:
            return delivery.text == "known again"

    phone, disk = Knowing(idempotent=False), Disk()
    async with an_outbox(phone, disk) as outbox:
        known, other = a_delivery("known again"), a_delivery("other")
        known.state = other.state = "unknown"
        outbox.submit([known, other])
        await done(outbox)
    assert (known.notes, other.notes) == (DeliveryNotes(), DeliveryNotes(repeated=True))


async def test_what_a_platform_knew_again_at_first_is_marked_once_it_does_not() -> None:
    class Forgetting(Phone):
        def repeatable(self, delivery: Delivery) -> bool:
            return len(self.seen) < 2

    lost, throttled = NetworkFailed("reset", sent=True), RateLimited("slow down", retry_after=0.001)
    phone, disk = Forgetting(lost, throttled, idempotent=False), Disk()
    async with an_outbox(phone, disk) as outbox:
        delivery = a_delivery("hi")
        outbox.submit([delivery])
        await done(outbox)
    assert phone.seen == [("hi", False), ("hi", True), ("hi", True)]
    assert delivery.notes.repeated is True and delivery.state == "sent"


async def test_what_waits_is_listed_with_what_it_waits_for() -> None:
    phone, disk = Phone(Overloaded("busy")), Disk()
    async with an_outbox(phone, disk, min_backoff=3600, max_backoff=3600) as outbox:
        turn = ids.new_id()
        outbox.submit([a_delivery("one", turn=turn), a_delivery("two", n=1, turn=turn)])
        await until(lambda: disk.states.get("one", [])[-1:] == ["pending"])
        one, two = outbox.listed()
        assert (one["why"], one["attempts"], one["error"]) == ("retry", 1, "busy")
        assert one["next_at"] and one["next_at"] > time.time() + 1000
        assert (two["why"], two["behind"], two["ahead"]) == ("session", one["id"], 1)
        outbox.hold("phone", "default")
        assert [each["why"] for each in outbox.listed()] == ["stopped", "session"]


async def test_a_next_try_that_is_hastened_is_one_try_and_the_order_stays() -> None:
    phone, disk = Phone(Overloaded("busy")), Disk()
    async with an_outbox(phone, disk, min_backoff=3600, max_backoff=3600) as outbox:
        turn = ids.new_id()
        outbox.submit([a_delivery("one", turn=turn), a_delivery("two", n=1, turn=turn)])
        await until(lambda: disk.states.get("one", [])[-1:] == ["pending"])
        with pytest.raises(Conflict, match="goes first"):
            outbox.hasten(f"{ids.show(turn)}-1")
        with pytest.raises(NotFound):
            outbox.hasten("nobody")
        outbox.hasten(f"{ids.show(turn)}-0")
        outbox.hasten(f"{ids.show(turn)}-0")
        await done(outbox)
    assert phone.seen == [("one", False), ("one", False), ("two", False)]


async def test_a_quiet_bot_is_not_hastened() -> None:
    phone, disk = Phone(RateLimited("slow down", retry_after=3600)), Disk()
    async with an_outbox(phone, disk, max_backoff=3600) as outbox:
        outbox.submit([first := a_delivery("one"), a_delivery("two", session="t")])
        await until(lambda: len(outbox._resting) == 2)
        assert {each["why"] for each in outbox.listed()} == {"retry", "quiet"}
        outbox.hasten(first.id)
        await until(lambda: [each["why"] for each in outbox.listed()] == ["quiet", "quiet"])
    assert [text for text, _ in phone.seen] == ["one"]


async def test_what_is_given_up_is_dead_on_disk_and_nobody_sends_it() -> None:
    phone, disk = Phone(Overloaded("busy")), Disk()
    ended: list[Delivery] = []
    async with an_outbox(phone, disk, min_backoff=3600, max_backoff=3600) as outbox:
        outbox.on_end = ended.append
        turn = ids.new_id()
        outbox.submit([a_delivery(text, n=n, turn=turn) for n, text in enumerate(("one", "two", "three"))])
        await until(lambda: disk.states.get("one", [])[-1:] == ["pending"])
        await outbox.cancel(f"{ids.show(turn)}-1")
        await outbox.cancel(f"{ids.show(turn)}-0")
        await done(outbox)  # the third goes at once: nothing is before it
        with pytest.raises(NotFound):
            await outbox.cancel(f"{ids.show(turn)}-0")
    assert disk.states == {
        "one": ["sending", "pending", "dead"],
        "two": ["dead"],
        "three": ["sending", "sent"],
    }
    assert [(d.text, d.state) for d in ended] == [("two", "dead"), ("one", "dead"), ("three", "sent")]
    assert [text for text, _ in phone.seen] == ["one", "three"]


async def test_a_session_all_of_which_was_given_up_goes_on_with_what_comes_next() -> None:
    phone, disk = Phone(Overloaded("busy")), Disk()
    async with an_outbox(phone, disk, min_backoff=3600, max_backoff=3600) as outbox:
        outbox.submit([one := a_delivery("one")])
        await until(lambda: disk.states.get("one", [])[-1:] == ["pending"])
        cancelled = outbox.cancel(one.id)
        outbox.submit([a_delivery("behind it")])
        await cancelled
        outbox.submit([a_delivery("after it")])
        await done(outbox)
        outbox.hold("phone", "default")
        outbox.submit([held := a_delivery("held")])
        await anyio.wait_all_tasks_blocked()
        await outbox.cancel(held.id)
        outbox.submit([a_delivery("last")])
        outbox.release("phone", "default")
        await done(outbox)
    assert [text for text, _ in phone.seen] == ["one", "behind it", "after it", "last"]


async def test_what_is_on_the_wire_is_not_given_up() -> None:
    class Hung(Phone):
        async def send(self, delivery: Delivery) -> Sent:
            self.seen.append((delivery.text, False))
            await anyio.sleep_forever()
            raise AssertionError

    phone = Hung()
    async with an_outbox(phone, Disk()) as outbox:
        outbox.submit([one := a_delivery("one")])
        await until(lambda: phone.seen)
        with pytest.raises(Conflict, match="on its way to the platform"):
            await outbox.cancel(one.id)
        assert outbox.waiting == 1
