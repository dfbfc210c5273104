"""Frames around hostile content on a long connection: each is stored, or counted."""

from __future__ import annotations

import json

import pytest
from wecombot_here import connected

from mindbot.domain.errors import NetworkFailed
from mindbot.domain.message import Json
from mindbot.testing.waiting import until

pytestmark = pytest.mark.anyio


def frame(id: str, said: str = "a@b", **more: object) -> str:
    body: Json = {"msgid": id, "from": {"userid": "li"}, "chattype": "single", "msgtype": "text"}
    body |= {"text": {"content": said}} | more
    return json.dumps({"cmd": "aibot_msg_callback", "headers": {"req_id": f"r{id}"}, "body": body})


async def test_odd_bytes_cost_no_message() -> None:
    odd = ["\x1b[0m", "\n", "\x00", "\ufffe", "\\ud83d", "\\ "]
    async with connected() as here:
        (live,) = here.sim.gateway.connections
        for n, each in enumerate(odd):
            await live.ws.send_str(frame(str(n)).replace("@", each))
        for raw in (b"\xff", b"\xe4\xbd", b"\xed\xa0\xbd\xed\xb8\x80"):
            await live.ws.send_bytes(frame(raw.hex()).encode().replace(b"@", raw))
        await until(lambda: len(here.inbox.messages) == 9)
        assert here.texts()[:6] == ["a\x1b[0mb", "a\nb", "a\x00b", "a\ufffeb", "a\ufffdb", "a\\ b"]
        assert here.texts()[6:] == ["a\ufffdb", "a\ufffdb", "a😀b"]
        assert here.bot.details()["connection"]["opened"] == 1


async def test_fields_of_the_wrong_type_cost_those_fields() -> None:
    async with connected() as here:
        (live,) = here.sim.gateway.connections
        for n, odd in enumerate(("²", [], {}, None, 10**30, True)):
            more = {"chattype": odd, "chatid": odd, "create_time": odd, "quote": odd, "response_url": odd}
            await live.ws.send_str(frame(str(n), "said", **more))
        await live.ws.send_str(frame("7", "said").replace('"r7"', "[7]"))
        await until(lambda: here.texts() == ["said"] * 7)


async def test_what_nobody_can_read_is_counted() -> None:
    async with connected() as here:
        (live,) = here.sim.gateway.connections
        for each in ("{", "[]", '{"cmd": {}, "headers": {}}', frame("1").replace('"msgid"', '"id"')):
            await live.ws.send_str(each)
        await here.asked("hello")
        await until(lambda: here.bot.details().get("unread"))
        facts = here.bot.details()
        assert (facts["bad_frames"], facts["unread"], here.texts()) == (3, 1, ["hello"])


@pytest.mark.parametrize("code", ["0", 0, None, "²", [], "x", {}])
async def test_a_code_of_any_type_is_read_or_told(code: object) -> None:
    async with connected() as here:
        message = await here.asked()
        link = here.bot._link  # type: ignore[union-attr]
        assert link is not None
        wire = link._wire
        answered = wire.answered
        wire.answered = lambda id, told: answered(id, told | {"errcode": code})  # type: ignore[method-assign]
        if code in ("0", 0, None):
            assert (await here.bot.send(here.answer(message, "hi"))).id
        else:
            with pytest.raises(NetworkFailed, match="no errcode"):
                await here.bot.send(here.answer(message, "hi"))
