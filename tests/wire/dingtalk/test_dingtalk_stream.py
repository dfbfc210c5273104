"""Stream mode against the simulator: nothing lost, nothing twice, whatever the connection does."""

from __future__ import annotations

import json

import anyio
import pytest
from dingtalk_here import RULES, connected

from mindbot.domain.errors import StoreError
from mindbot.platforms.dingtalk import wire
from mindbot.sim.dingtalk.frames import StreamRules
from mindbot.store.rows import storable
from mindbot.testing.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio


async def test_a_message_is_received_and_acknowledged_once() -> None:
    async with connected() as here:
        pushed = await here.sim.push_text("li", "hello")
        assert pushed.acked and pushed.attempts == 1 and pushed.answer == {"response": None}
        message = here.inbox.messages[0]
        assert (message.text, message.sender, message.kind) == ("hello", "li", "text")
        assert message.session == "dingtalk:hr:li"


async def test_a_group_is_trimmed_and_a_session_of_its_own_for_each_member() -> None:
    async with connected() as here:
        await here.sim.push_text("li", "hello", url="group:team")
        message = here.inbox.messages[0]
        assert (message.text, message.session, message.chat) == ("hello", "dingtalk:hr:team:li", "team")


async def test_what_is_not_stored_is_pushed_again() -> None:
    async with connected(again=True) as here:
        here.inbox.error = StoreError("disk full")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.sim.push_text, "li", "hello")
            await until(lambda: here.bot.details()["left"])
            here.inbox.error = None
        assert here.texts() == ["hello"]


async def test_a_repeated_push_has_the_same_key() -> None:
    async with connected(again=True, fault=["duplicate:n=1", "late-ack:n=1"]) as here:
        await here.sim.push_text("li", "hello")
        assert len(here.inbox.messages) == 3
        assert len({message.key for message in here.inbox.messages}) == 1


async def test_order_within_a_connection_is_kept() -> None:
    async with connected() as here:
        for n in range(50):
            await here.sim.push_text("li", str(n))
        assert here.texts() == [str(n) for n in range(50)]


async def test_pings_are_answered_with_what_they_brought() -> None:
    async with connected(sim={"stream": StreamRules(ping=0.05, repush=0.3)}) as here:
        await until(lambda: here.sim.counters["pongs"] >= 2)
        assert here.sim.counters["bad_frames"] == 0
        assert (await here.sim.push_text("li", "alive")).acked


@pytest.mark.parametrize("how", ["abort", "close"])
async def test_a_lost_connection_is_replaced_at_once(how: str) -> None:
    async with connected(again=True) as here:
        await here.sim.gateway.kick(how)
        pushed = await here.sim.push_text("li", "hello", persistent=5)
        assert pushed.acked
        assert here.sim.counters["connected"] >= 2
        await until(lambda: here.health.reports[-1][0] == "ok")
        assert "degraded" in here.health.states


async def test_a_disconnect_frame_brings_a_new_connection_before_the_old_one_ends() -> None:
    async with connected() as here:
        old = here.sim.gateway.connections[0]
        await here.sim.gateway.kick("disconnect")
        await until(lambda: len(here.sim.gateway.connections) == 2)
        assert old in here.sim.gateway.connections  # still there, and drained
        assert (await here.sim.push_text("li", "hello")).acked
        await until(lambda: old not in here.sim.gateway.connections)
        assert set(here.health.states) == {"starting", "ok"}  # nobody noticed
        assert here.bot.details()["swaps"] == 1


async def test_a_half_open_connection_is_found_by_pings() -> None:
    async with connected(again=True, ping=0.3) as here:
        await here.sim.gateway.kick("half-open")
        pushed = await here.sim.push_text("li", "hello", persistent=10)
        assert pushed.acked
        assert here.texts() == ["hello"]


@pytest.mark.full
async def test_a_silent_connection_is_replaced() -> None:
    async with connected(sim={"stream": StreamRules(ping=60)}, idle_timeout=1) as here:
        await until(lambda: here.sim.counters["connected"] >= 2)
        assert (await here.sim.push_text("li", "hello")).acked
        assert set(here.health.states) == {"starting", "ok"}


@pytest.mark.full
async def test_kicked_all_the_time_nothing_is_lost_and_nothing_is_stored_twice_under_two_keys() -> None:
    async with connected(again=True, fault=["kick:150ms"], connections=3) as here:
        async with anyio.create_task_group() as tasks:
            for n in range(100):
                tasks.start_soon(lambda n=n: here.sim.push_text(f"u{n % 7}", f"m{n}", persistent=20))
                await anyio.sleep(0.01)
        assert {m.text for m in here.inbox.messages} == {f"m{n}" for n in range(100)}
        assert len({m.key for m in here.inbox.messages}) == 100
        assert here.sim.counters["kicked"] >= 5


async def test_several_connections_share_the_pushes() -> None:
    async with connected(connections=3) as here:
        await until(lambda: len(here.sim.gateway.connections) == 3)
        for n in range(30):
            await here.sim.push_text("li", str(n))
        assert len(here.inbox.messages) == 30
        assert [line["state"] for line in here.bot.details()["connections"]] == ["connected"] * 3


async def test_bad_credentials_are_told_with_their_code() -> None:
    async with connected(run=False, client_secret="wrong") as here, anyio.create_task_group() as tasks:
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        with anyio.fail_after(PATIENCE):
            reason = await here.health.until("failed")
        assert "needs credentials" in reason and "authFailed" in reason and "client_secret" in reason
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    "fault", ["503:n=2:body=html@connections/open", "drop:n=2@connections/open", "refuse-handshake:n=2"]
)
async def test_a_gateway_that_does_not_work_is_tried_again(fault: str) -> None:
    async with connected(fault=[fault]) as here:
        assert "degraded" in here.health.states
        assert (await here.sim.push_text("li", "hello")).acked


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        '{"type":"SYSTEM","headers":{"topic":"CONNECTED","messageId":"x"}}',
        '{"type":"CALLBACK","headers":{"topic":"/v1.0/im/bot/messages/get","messageId":"x"},"data":"{"}',
        '{"type":"CALLBACK","headers":{"topic":"/v1.0/im/bot/messages/get","messageId":"x"},"data":"{}"}',
        '{"type":"CALLBACK","headers":{"topic":"/v1.0/card/instances/callback","messageId":"x"},"data":"{}"}',
        '{"type":"EVENT","headers":{"topic":"*","messageId":"x"},"data":"{}"}',
    ],
)
async def test_hostile_frames_change_nothing(text: str) -> None:
    async with connected() as here:
        await here.sim.gateway.raw(text)
        assert (await here.sim.push_text("li", "hello")).acked
        assert here.texts() == ["hello"]
        assert here.sim.counters["connected"] == 1


@pytest.mark.parametrize(
    "odd",
    ['{"n":1' + "0" * 30 + "}", "1" + "0" * 400, "[" * 260 + "]" * 260, "[" * 3000 + "]" * 3000, '"\\ud83d"'],
    ids=["number", "larger", "deep", "endless", "half a character"],
)
async def test_what_no_store_can_hold_is_taken_as_what_can_be_held(odd: str) -> None:
    async with connected() as here:
        known = {"conversationId": "c", "conversationType": "1", "senderStaffId": "li", "senderId": "$:1"}
        data = (
            json.dumps({"msgId": "m", **known, "msgtype": "new"})[:-1]
            + f',"content":{{"title":"T","x":{odd}}}}}'
        )
        headers = {"topic": wire.MESSAGES, "messageId": "f"}
        await here.sim.gateway.raw(json.dumps({"type": "CALLBACK", "headers": headers, "data": data}))
        await until(lambda: here.bot.details()["acked"])
        (message,) = here.inbox.messages
        assert (message.kind, message.text, message.raw) == ("raw", "T", data)
        assert storable(message) is message
        assert message.parts[0].data["content"].keys() == {"title", "x"}


STEPS = ("access token", "stream gateway", "connections", "sending", "members")


async def test_the_tests_of_a_bot_say_what_to_mend() -> None:
    async with connected() as here:
        assert {check.name: check.state for check in await here.bot.test()} == dict.fromkeys(STEPS, "ok")
    async with connected(run=False, client_secret="wrong") as here:
        token, gateway, lines, rest = await here.bot.test()
        assert [each.state for each in (token, gateway, lines, rest)] == ["failed"] * 3 + ["skipped"]
        assert "client_secret" in token.mend


async def test_every_kind_of_message_becomes_parts() -> None:
    async with connected(sim={"stream": RULES}) as here:
        code = here.sim.people.offer(b"\x89PNG\r\n\x1a\n" + b"0" * 50, "image/png")
        said = {
            "richText": {"richText": [{"text": "look "}, {"type": "picture", "downloadCode": code}]},
            "picture": {"downloadCode": code},
            "audio": {"downloadCode": code, "recognition": "words", "duration": 4000},
            "video": {"downloadCode": code, "videoType": "mp4", "duration": "5"},
            "file": {"downloadCode": code, "fileName": "a.pdf"},
            "unknownMsgType": {"unknownMsgType": "cannot be shown"},
            "chatRecord": {"summary": "a record"},
        }
        for kind, body in said.items():
            assert (await here.sim.say("li", kind, body)).acked, kind
        found = {m.kind: m for m in here.inbox.messages}
        assert [p.kind for p in here.inbox.messages[0].parts] == ["text", "image"]
        assert found["voice"].text == "words"
        assert found["file"].parts[0].data["name"] == "a.pdf"
        assert [m.text for m in here.inbox.messages if m.kind == "raw"] == ["cannot be shown", "a record"]
        picture = found["image"]
        file = await here.bot.fetch(picture, picture.parts[0])
        assert file is not None and file.size == 58
        assert json.loads(picture.raw)["msgtype"] == "picture"
        await here.sim.say("out1", "text", {"content": "hi"}, senderStaffId="")
        assert here.inbox.messages[-1].sender == "$:LWCP_v1:$out1"
        quoted = {
            "isReplyMsg": True,
            "repliedMsg": {"msgType": "text", "msgId": "m", "content": {"text": "old"}},
        }
        await here.sim.say("li", "text", {"content": "about this", **quoted})
        assert [(p.kind, p.text) for p in here.inbox.messages[-1].parts] == [
            ("quote", "old"),
            ("text", "about this"),
        ]
