"""A long connection that is unwell: half open, full, or bringing what is no frame; and files on their way."""

from __future__ import annotations

import json

import anyio
import orjson
import pytest
from wecombot_here import Here, connected

from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery, DeliveryNotes
from mindbot.domain.errors import NetworkFailed
from mindbot.domain.message import Json, Part
from mindbot.media.folder import bytes_of
from mindbot.platforms.wecombot import connection, say, sender
from mindbot.platforms.wecombot.connection import ConnectionBot
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.patience import Policy
from mindbot.testing.waiting import PATIENCE, until

pytestmark = [pytest.mark.anyio, pytest.mark.full]


async def request(here: Here, command: str, body: Json, id: str = "") -> Json:
    """Send any frame over the bot's connection."""
    assert isinstance(here.bot, ConnectionBot) and here.bot._link is not None
    return await here.bot._link.request(command, body, id=id)


@pytest.mark.full
async def test_a_connection_that_takes_nothing_more_is_replaced() -> None:
    async with connected(ping=30, answer_timeout=0.3) as here:
        await here.asked("hello")
        failed: list[NetworkFailed] = []

        async def one() -> None:
            with pytest.raises(NetworkFailed) as caught:
                await request(here, "aibot_upload_media_chunk", {"base64_data": "x" * 60_000})
            failed.append(caught.value)

        here.sim.faults.set(["half-open:n=1@aibot_upload_media_chunk"])
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                for _ in range(200):  # more than all buffers hold
                    tasks.start_soon(one)
        assert len(failed) == 200
        stuck = [error for error in failed if "took nothing" in error.message]
        assert stuck and not any(error.sent for error in stuck), "they never arrive"
        await here.bot.send(here.push(here.bot.address("li"), "there again"))
        assert here.shown() == ["there again"]
        assert here.bot.details()["connection"]["opened"] == 2


@pytest.mark.full
async def test_many_frames_at_once_into_a_full_buffer_all_end_and_pings_go_on() -> None:
    async with connected(ping=0.2, answer_timeout=0.5) as here:
        await here.asked("hello")
        ended: list[NetworkFailed] = []

        async def one() -> None:
            with pytest.raises(NetworkFailed) as caught:
                await request(here, "aibot_upload_media_chunk", {"base64_data": "x" * 700_000})
            ended.append(caught.value)

        for connection in here.sim.gateway.connections:
            connection.fall_silent()
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                for _ in range(40):
                    tasks.start_soon(one)
                await until(lambda: here.bot.details()["connection"]["opened"] >= 2)
                tasks.cancel_scope.cancel()
        await here.bot.send(here.push(here.bot.address("li"), "there again"))
        assert here.shown() == ["there again"] and here.health.states[-1] == "ok"


async def test_a_half_open_connection_is_found_though_nothing_is_sent() -> None:
    async with connected(ping=0.2, answer_timeout=0.2) as here:
        for connection in here.sim.gateway.connections:
            connection.fall_silent()
        await until(lambda: here.bot.details()["connection"]["opened"] == 2)
        assert (await here.asked("hello")).text == "hello"


def callback(here: Here, msgtype: str, content: Json) -> str:
    """Return the frame of a callback, as json writes it."""
    body = here.sim.people.body("li", msgtype, {msgtype: content})
    return json.dumps(
        {
            "cmd": f"aibot_{'event' if msgtype == 'event' else 'msg'}_callback",
            "headers": {"req_id": body["msgid"]},
            "body": body,
        }
    )


HEAD = '{"cmd": "aibot_msg_callback", "headers": '


@pytest.mark.parametrize(
    "text",
    ["[" * 20_000, '{"cmd": 1', "7", HEAD + "[]}", HEAD + '{}, "body": ' + "[" * 20_000],
    ids=["deep", "cut", "number", "no headers", "deep body"],
)
async def test_what_is_no_frame_is_counted_and_does_not_end_the_connection(text: str) -> None:
    async with connected() as here:
        (live,) = here.sim.gateway.connections
        await live.ws.send_str(text)
        assert (await here.asked("hello")).text == "hello"
        facts = here.bot.details()
        assert (facts["bad_frames"], facts["connection"]["opened"]) == (1, 1)


@pytest.mark.parametrize("event", [False, True])
async def test_what_no_row_can_hold_is_stored_without_its_payload(event: bool) -> None:
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    async with connected() as here:
        for bad in (10**30, deep, float("nan")):
            if event:
                frame = callback(here, "event", {"eventtype": "odd", "n": bad})
            else:
                frame = callback(here, "hologram", {"n": bad})
            await here.sim.gateway.connections[0].ws.send_str(frame)
        await until(lambda: len(here.inbox.messages) == 3)
        for message in here.inbox.messages:
            orjson.dumps(message.to_json())
            assert message.kind == ("event" if event else "raw") and '"n": ' in message.raw
            assert message.text == ("[odd]" if event else "[hologram]")


async def test_a_row_that_a_store_never_takes_ends_and_is_told_without_what_is_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connection, "_REFUSALS", 2)
    async with connected() as here:
        here.inbox.refuses = lambda message: message.kind == "text"
        await here.sim.push_text("li", "cannot be written")
        await until(lambda: here.inbox.messages)
        assert [(m.kind, m.text) for m in here.inbox.messages] == [("raw", "cannot be written")]
        assert "cannot be written" in here.inbox.messages[0].raw
        here.inbox.refuses = lambda message: True
        said = await here.sim.push_text("li", "not at all")
        await until(lambda: here.bot.details().get("lost"))
        here.inbox.refuses = lambda message: False
        assert (await here.asked("and on")).text == "and on"
        live = here.sim.gateway.live[here.sim.settings.bot_id]
        body = here.sim.people.body("li", "text", {"text": {"content": "not at all"}}) | {"from": {}}
        body["response_url"], body["image"] = "https://secret.example", {"aeskey": "secret-key"}
        await live.write({"cmd": "aibot_msg_callback", "headers": {"req_id": "r"}, "body": body})
        await here.asked("and on")
    logged = capsys.readouterr().out
    assert said.msgid in logged and "callback lost" in logged
    assert body["msgid"] in logged and "callback not understood" in logged
    for secret in ("secret", "response_url", "aeskey", "not at all"):
        assert secret not in logged


async def test_halves_of_surrogates_break_neither_the_connection_nor_the_store() -> None:
    async with connected(ping=0.1) as here:
        (live,) = here.sim.gateway.connections
        body = here.sim.people.body("li", "text", {"text": {"content": "hello"}})
        frame = {"cmd": "aibot_msg_callback", "headers": {"req_id": "\ud800"}, "body": body}
        await live.ws.send_str(json.dumps(frame).replace("hello", "\\udc00 hello"))
        await until(lambda: here.inbox.messages)
        assert here.texts() == ["\ufffd hello"]
        here.sim.people.known.add("li")
        await here.bot.send(here.answer(here.inbox.messages[0], "hi"))  # the id means nothing to the platform
        assert here.shown() == ["hi"] and here.bot.details()["connection"]["opened"] == 1


async def test_what_is_sent_is_ascii_json_whatever_it_holds() -> None:
    async with connected() as here:
        await here.asked("hello")
        with pytest.raises(NetworkFailed):  # the simulator does not answer what is no UTF-8
            await request(here, "aibot_respond_msg", {"msgtype": "stream"}, "\ud800")
        assert here.sim.counters["bad_frames"] == 1, "it went out, over a connection that stays"
        await here.asked("and on")
        assert here.bot.details()["connection"]["opened"] == 1


async def through_the_outbox(here: Here, *deliveries: Delivery) -> None:
    """Let the runtime's outbox send them, until they are sent or given up."""

    async def mark(delivery: Delivery) -> None:
        """Nothing is kept here."""

    outbox = Outbox(mark, lambda event: None, lambda kind: False, Policy(min_backoff=0.05))
    outbox.serve(Bot.of(here.bot))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outbox.run)
        outbox.submit(list(deliveries))
        await until(lambda: all(d.state in ("sent", "dead") for d in deliveries))
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("step", ["init", "chunk", "finish"])
@pytest.mark.parametrize("fault", ["hang", "lost-answer", "drop"])
async def test_an_upload_whose_frames_get_lost_is_no_message_that_may_have_arrived(
    step: str, fault: str
) -> None:
    async with connected(answer_timeout=0.3) as here:
        await here.asked("hello")
        file = await here.host.media.save(bytes_of(b"x" * 1000), name="a.bin")
        push = here.push(here.bot.address("li"), Part("file", "", {"media": file.id}))
        here.sim.faults.set([f"{fault}:n=2@aibot_upload_media_{step}"])
        await through_the_outbox(here, push)
        assert (push.state, push.again, push.notes) == ("sent", False, DeliveryNotes())
        assert [m.msgtype for m in here.sim.inbox("li")] == ["file"]


async def test_an_upload_goes_on_where_it_stopped() -> None:
    async with connected() as here:
        await here.asked("hello")
        file = await here.host.media.save(bytes_of(b"y" * 1_200_000), name="a.bin")
        push = here.push(here.bot.address("li"), Part("file", "", {"media": file.id}))
        faults = ["drop:after=1:n=1@aibot_upload_media_chunk", "-1:n=2@aibot_send_msg"]
        here.sim.faults.set(faults)
        await through_the_outbox(here, push)
        assert push.state == "sent" and push.attempts == 4
        chunks = [
            frame["body"]["chunk_index"] for frame in here.sim.gateway.frames if "chunk" in frame["cmd"]
        ]
        assert chunks == [0, 1, 1, 2]
        assert here.sim.counters["aibot_upload_media_init"] == 1
        assert here.sim.counters["aibot_upload_media_finish"] == 1
        again = here.push(here.bot.address("li"), Part("file", "", {"media": file.id}))
        await through_the_outbox(here, again)
        assert here.sim.counters["aibot_upload_media_init"] == 2, "another message, another upload"


async def test_an_upload_that_wecom_forgot_begins_anew() -> None:
    async with connected() as here:
        await here.asked("hello")
        file = await here.host.media.save(bytes_of(b"y" * 1_200_000), name="a.bin")
        push = here.push(here.bot.address("li"), Part("file", "", {"media": file.id}))
        here.sim.faults.set(["drop:after=1:n=1@aibot_upload_media_chunk", "40058:after=2:n=1@media_chunk"])
        await through_the_outbox(here, push)
        assert push.state == "sent" and here.sim.counters["aibot_upload_media_init"] == 2


@pytest.mark.full
async def test_an_attempt_ends_before_its_time_and_the_upload_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender, "_PREPARE", 2.0)  # enough for the upload to begin, not for its pieces
    async with connected(fault="slow:800ms@aibot_upload_media_chunk") as here:
        await here.asked("hello")
        file = await here.host.media.save(bytes_of(b"z" * 2_500_000), name="a.bin")
        push = here.push(here.bot.address("li"), Part("file", "", {"media": file.id}))
        with pytest.raises(NetworkFailed, match="goes on") as caught:
            await here.bot.send(push)
        assert caught.value.retryable and not caught.value.sent
        await through_the_outbox(here, push)
        assert push.state == "sent" and not push.notes.repeated
        assert here.sim.counters["aibot_upload_media_init"] == 1


async def test_short_losses_of_the_connection_cut_no_long_answer_off() -> None:
    async with connected() as here:
        message = await here.asked("hello")
        text = "".join(f"{n:07d}\n" for n in range(9000))
        answer = here.answer(message, Part("markdown", text), kind="stream")
        pieces = say.plan_messages([Part("markdown", say.text_of(answer.parts))])
        assert len(pieces) == 4
        # Messages two, three and four: each is carried out once before its answer is lost.
        here.sim.faults.set([f"drop:after={n}:n=1@aibot_send_msg" for n in (0, 2, 4)])
        await through_the_outbox(here, answer)
        assert answer.state == "sent" and answer.notes.repeated, answer.error
        assert [piece[0].text for piece in pieces] == here.shown()
        assert here.bot.details()["connection"]["opened"] == 4
