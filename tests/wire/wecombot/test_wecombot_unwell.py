"""A long connection that is unwell: half open, full, or bringing what is no frame; and files on their way."""

from __future__ import annotations

import json

import anyio
import pytest
from wecombot_here import Here, connected, until

from mindbot.domain.errors import NetworkFailed
from mindbot.domain.message import Json
from mindbot.platforms.wecombot.connection import ConnectionBot

pytestmark = pytest.mark.anyio


async def request(here: Here, command: str, body: Json, id: str = "") -> Json:
    """Send any frame over the bot's connection."""
    assert isinstance(here.bot, ConnectionBot) and here.bot._link is not None
    return await here.bot._link.request(command, body, id=id)


async def test_a_connection_that_takes_nothing_more_is_replaced() -> None:
    async with connected(ping=30, answer_timeout=0.3) as here:
        await here.asked("hello")
        failed: list[NetworkFailed] = []

        async def one() -> None:
            with pytest.raises(NetworkFailed) as caught:
                await request(here, "aibot_upload_media_chunk", {"base64_data": "x" * 60_000})
            failed.append(caught.value)

        here.sim.faults.set(["half-open:n=1@aibot_upload_media_chunk"])
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for _ in range(200):  # more than all buffers hold
                    tasks.start_soon(one)
        assert len(failed) == 200
        stuck = [error for error in failed if "took nothing" in error.message]
        assert stuck and not any(error.sent for error in stuck), "they never arrive"
        await here.bot.send(here.push(here.bot.address("li"), "there again"))
        assert here.shown() == ["there again"]
        assert here.bot.details()["connection"]["opened"] == 2


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
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for _ in range(40):
                    tasks.start_soon(one)
                await until(lambda: here.bot.details()["connection"]["opened"] >= 2, 20)
                tasks.cancel_scope.cancel()
        await here.bot.send(here.push(here.bot.address("li"), "there again"))
        assert here.shown() == ["there again"] and here.health.states[-1] == "ok"


async def test_a_half_open_connection_is_found_though_nothing_is_sent() -> None:
    async with connected(ping=0.2, answer_timeout=0.2) as here:
        for connection in here.sim.gateway.connections:
            connection.fall_silent()
        await until(lambda: here.bot.details()["connection"]["opened"] == 2)
        assert (await here.asked("hello")).text == "hello"


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
        assert here.bot.details()["connection"]["opened"] == 1
