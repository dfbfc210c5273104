"""What may happen to connections, pushes and acks: nothing is lost, nothing waits, nothing is twice."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import anyio
import pytest
from dingtalk_here import Here, connected

from mindbot.domain.errors import StoreError
from mindbot.domain.message import Json
from mindbot.platforms.dingtalk import wire
from mindbot.platforms.dingtalk.adapter import DingTalkPlatform
from mindbot.platforms.dingtalk.client import DingTalkClient
from mindbot.platforms.dingtalk.settings import DingTalkSettings
from mindbot.platforms.dingtalk.stream import Stream
from mindbot.sim.dingtalk.frames import HOSTILE, StreamRules
from mindbot.testing.platforms import HealthReports, Inbox, a_host
from mindbot.testing.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio


def keys(here: Here) -> Counter[str]:
    return Counter(message.key for message in here.inbox.messages)


@pytest.mark.parametrize("how", ["disconnect", "abort", "close"])
async def test_a_new_connection_does_not_wait_for_frames_that_are_still_being_stored(how: str) -> None:
    async with connected(sim={"stream": StreamRules(repush=30, grace=30)}) as here:
        old = here.sim.gateway.connections[0]
        here.inbox.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.sim.push_text, "li", "held")
            await here.inbox.entered.wait()
            await here.sim.gateway.kick(how)
            await until(lambda: any(each is not old for each in here.sim.gateway.connections))
            assert here.texts() == []
            if how == "disconnect":
                assert old in here.sim.gateway.connections  # still read: the ack goes back where it came from
            here.inbox.release()
            await until(lambda: here.texts() == ["held"])
            if how == "disconnect":
                await until(lambda: here.bot.details()["acked"] == 1)
            tasks.cancel_scope.cancel()


@pytest.mark.full
async def test_an_old_connection_is_read_until_its_successor_is_up() -> None:
    rules = StreamRules(repush=30, grace=30, ping=60)
    async with connected(sim={"stream": rules}, idle_timeout=1) as here:
        here.sim.faults.set(["503@connections/open"])
        await until(lambda: "degraded" in here.health.states)  # silent, and there is no other to be had
        assert (await here.sim.push_text("li", "hello")).acked
        assert here.sim.counters["connected"] == 1
        here.sim.faults.set([])
        await until(lambda: here.sim.counters["connected"] == 2)


@pytest.mark.parametrize("code", ["1000", "1001"])
async def test_a_connection_closed_in_good_order_is_replaced_at_once(code: str) -> None:
    async with connected(again=True, fault=[f"close:100ms:n=1:code={code}"]) as here:
        await until(lambda: here.sim.counters["connected"] == 2)
        assert (await here.sim.push_text("li", "hello", persistent=5)).acked
        assert any(code in reason for _, reason in here.health.reports)


@pytest.mark.full
@pytest.mark.parametrize("fault", ["kick:0ms", "close:0ms", "rotate:0ms"])
async def test_a_gateway_that_never_keeps_a_connection_is_not_hammered(fault: str) -> None:
    async with connected(fault=[fault], sim={"stream": StreamRules(grace=0, repush=0.5)}) as here:
        with anyio.move_on_after(1.5):
            await until(lambda: here.sim.counters["opened"] > 12)
        # At once, then after 0.3, 0.6, 1.2 … seconds: jitter may halve each.
        assert here.sim.counters["opened"] <= 8
        here.sim.faults.set([])
        assert (await here.sim.push_text("li", "hello", persistent=20)).acked


async def test_a_connection_lost_before_the_ack_brings_the_message_again_under_its_own_key() -> None:
    async with connected(again=True, fault=["kick-before-ack:n=1"]) as here:
        pushed = await here.sim.push_text("li", "hello", persistent=10)
        assert pushed.acked and pushed.attempts == 2
        assert list(keys(here)) == [pushed.msgid]


@pytest.mark.parametrize(
    "fault",
    [
        "duplicate:n=1",
        "duplicate:n=1:on=same",
        "duplicate:n=1:when=before",
        "duplicate:n=1:when=before:on=same",
        "duplicate:100ms:n=1",
        "late-ack:n=2",
    ],
)
async def test_whatever_comes_again_has_the_same_key(fault: str) -> None:
    async with connected(again=True, fault=[fault], connections=2) as here:
        await until(lambda: len(here.sim.gateway.connections) == 2)
        assert (await here.sim.push_text("li", "hello")).acked
        await until(lambda: len(here.inbox.messages) >= 2)
        assert len(keys(here)) == 1


async def test_messages_that_overtake_each_other_keep_the_time_they_were_written() -> None:
    async with connected(fault=["out-of-order:300ms:n=1"]) as here, anyio.create_task_group() as tasks:
        tasks.start_soon(here.sim.push_text, "li", "first")
        await until(lambda: here.sim.counters["fault.out-of-order"])
        await here.sim.push_text("li", "second")
        await until(lambda: len(here.inbox.messages) == 2)
        late, early = here.inbox.messages[1], here.inbox.messages[0]
        assert (late.text, early.text) == ("first", "second") and late.ts <= early.ts


async def test_no_frame_is_too_hostile() -> None:
    async with connected(fault=["hostile"]) as here:
        for n in range(len(HOSTILE) + 1):
            assert (await here.sim.push_text("li", str(n))).acked
        assert here.texts() == [str(n) for n in range(len(HOSTILE) + 1)]
        assert here.sim.counters["connected"] == 1


@pytest.mark.full
async def test_what_another_process_steals_comes_again() -> None:
    async with connected(sim={"stream": StreamRules(repush=0.1, attempts=50)}) as here:
        here.sim.gateway.steal(here.sim.settings.client_id)
        for n in range(10):
            assert (await here.sim.push_text("li", str(n))).acked
        assert list(dict.fromkeys(here.texts())) == [str(n) for n in range(10)]
        assert len(keys(here)) == 10
        assert here.sim.counters["frames"] > 10


async def test_pings_carry_their_opaque_text_back() -> None:
    rules = StreamRules(ping=0.05, pong=0.5, repush=0.3)
    async with connected(sim={"stream": rules}) as here:
        await until(lambda: here.sim.counters["pongs"] >= 3)
        assert here.sim.counters["pings_unanswered"] == 0
        assert here.sim.counters["connected"] == 1


@pytest.mark.parametrize("nack", [False, True])
async def test_what_is_not_stored_is_met_with_silence_or_with_a_500(nack: bool) -> None:
    async with connected(nack=nack, sim={"stream": StreamRules(repush=0.2, attempts=1)}) as here:
        here.inbox.error = StoreError("disk full")
        assert not (await here.sim.push_text("li", "hello")).acked
        assert here.sim.counters["nacks"] == nack
        here.inbox.error = None
        assert (await here.sim.push_text("li", "hello")).acked


async def test_a_bot_with_wrong_credentials_blocks_no_other() -> None:
    async with connected() as here, anyio.create_task_group() as tasks:
        section = {k: v for k, v in here.sim.details().items() if k != "base_url"} | {"client_secret": "no"}
        with tempfile.TemporaryDirectory() as folder:
            inbox, health = Inbox(), HealthReports()
            host = a_host(here.bot._host.http, inbox, Path(folder))  # type: ignore[arg-type]
            other = DingTalkPlatform(DingTalkSettings(**section), "it", host)
            tasks.start_soon(other.run, inbox.receive, health.report)
            with anyio.fail_after(PATIENCE):
                assert "needs credentials" in await health.until("failed")
            assert (await here.sim.push_text("li", "hello")).acked
            assert here.health.reports[-1][0] == "ok"
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("400:n=1:code=invalidParameter@connections/open", "invalidParameter"),
        ("401:n=1:code=authFailed@connections/open", "needs credentials"),
        ("503:n=1:body=html@connections/open", "503"),
        ("garbage:n=1@connections/open", "not the vendor's JSON"),
        ("refuse-handshake:n=1", "handshake"),
    ],
)
async def test_each_failure_to_connect_is_named(fault: str, says: str) -> None:
    async with connected(run=False, fault=[fault]) as here, anyio.create_task_group() as tasks:
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        await until(lambda: len(here.health.reports) > 1)
        assert says in here.health.reports[1][1]
        assert here.health.reports[1][0] in ("degraded", "failed")
        tasks.cancel_scope.cancel()


async def test_a_stopped_bot_leaves_no_connection() -> None:
    async with connected(connections=3) as here:
        await until(lambda: len(here.sim.gateway.connections) == 3)
        await here.sim.gateway.kick("disconnect")
        await until(lambda: len(here.sim.gateway.connections) > 3)
        here.stop()
        await until(lambda: not here.sim.gateway.connections)


async def test_of_too_many_frames_at_once_the_rest_comes_again() -> None:
    rules = StreamRules(repush=0.2, attempts=100)
    async with connected(run=False, sim={"stream": rules}) as here, anyio.create_task_group() as tasks:
        go_on, stored = anyio.Event(), []

        async def store(topic: str, data: Json, raw: str) -> Json:
            await go_on.wait()
            stored.append(data["msgId"])
            return {"response": None}

        client = DingTalkClient(here.bot._settings, here.bot._host)
        stream = Stream(
            here.bot._host.http, lambda: client.open([wire.MESSAGES]), store, lambda: None, at_once=2
        )
        tasks.start_soon(stream.run)
        await until(lambda: here.sim.gateway.connections)
        async with anyio.create_task_group() as pushes:
            for n in range(5):
                pushes.start_soon(here.sim.push_text, "li", str(n))
            await until(lambda: stream.left >= 3)
            assert not stored
            go_on.set()
        assert len(set(stored)) == 5
        tasks.cancel_scope.cancel()


async def test_the_gateway_tells_people_of_the_connections() -> None:
    async with connected() as here:
        (line,) = here.bot.details()["connections"]
        assert (line["state"], line["reason"], line["opened"]) == ("connected", "", 1)
        assert line["since"] > 0
        here.sim.faults.set(["503@connections/open"])
        await here.sim.gateway.kick("abort")
        await until(lambda: here.bot.details()["connections"][0]["state"] == "disconnected")
        await until(lambda: "system.error" in here.bot.details()["connections"][0]["reason"])


async def test_messages_to_somebody_the_robot_stands_in_for() -> None:
    topic = "/v1.0/im/bot/messages/delegate"
    for delegate in (False, True):
        async with connected(delegate=delegate) as here:
            data = here.sim.people.message("li", "text", {"content": "hi"}, hostingContext={"userId": "boss"})
            pushed = await here.sim.gateway.push("CALLBACK", topic, here.sim.settings.client_id, data)
            assert (pushed.acked, here.texts()) == (delegate, ["hi"] * delegate)


async def test_messages_without_their_text_are_told_and_answered() -> None:
    async with connected(fault=["quota:n=1"]) as here:
        await here.sim.push_text("li", "hello")
        message = here.inbox.messages[0]
        assert message.kind == "event"
        (part,) = here.bot.greeting(message)
        assert "quota" in part.text
        assert here.health.reports[-1][0] == "degraded" and "used up" in here.health.reports[-1][1]
        await here.sim.push_text("li", "hello again")
        assert here.bot.greeting(here.inbox.messages[1]) == []
        assert here.health.reports[-1] == ("ok", "")
