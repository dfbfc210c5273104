"""The AI bot simulator refuses what the platform refuses, seen by bare clients of both modes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from mindbot.domain.errors import ConfigError
from mindbot.domain.message import Json
from mindbot.sim.testing import simulated
from mindbot.sim.wecombot.gateway import LineRules
from mindbot.sim.wecombot.server import WeComBotSimulator
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Client:
    """A bare client of the long connection."""

    def __init__(self, ws: ClientWebSocketResponse) -> None:
        self.ws = ws
        self.callbacks: list[Json] = []

    async def ask(self, cmd: str, body: Any = None, id: str = "r1") -> Json:
        """Send a frame; return its answer."""
        await self.ws.send_json({"cmd": cmd, "headers": {"req_id": id}, "body": body})
        while True:
            frame = await self.ws.receive_json(timeout=PATIENCE)
            if "cmd" not in frame:
                assert frame["headers"]["req_id"] == id
                return dict(frame)
            self.callbacks.append(frame)

    async def code(self, cmd: str, body: Any = None, id: str = "r1") -> int:
        return int((await self.ask(cmd, body, id))["errcode"])

    async def callback(self) -> Json:
        if self.callbacks:
            return self.callbacks.pop(0)
        return dict(await self.ws.receive_json(timeout=PATIENCE))

    async def subscribe(self, far: WeComBotSimulator) -> int:
        s = far.settings
        return await self.code("aibot_subscribe", {"bot_id": s.bot_id, "secret": s.secret})


@asynccontextmanager
async def client(far: WeComBotSimulator, http: ClientSession) -> AsyncIterator[Client]:
    async with http.ws_connect(far.ws_url) as ws:
        yield Client(ws)


@asynccontextmanager
async def subscribed(http: ClientSession, **settings: Any) -> AsyncIterator[tuple[WeComBotSimulator, Client]]:
    async with (
        simulated("wecombot", strict=True, **settings) as far,
        client(far, http) as bot,
    ):
        assert await bot.subscribe(far) == 0
        yield far, bot


def stream(content: str, *, finish: bool = False, id: str = "s1", **more: Any) -> Json:
    return {"msgtype": "stream", "stream": {"id": id, "finish": finish, "content": content, **more}}


def markdown(text: str) -> Json:
    return {"msgtype": "markdown", "markdown": {"content": text}}


async def test_only_who_subscribed_with_the_right_secret_may_speak(http: ClientSession) -> None:
    async with (
        simulated("wecombot", strict=True, line=LineRules(subscribes=2)) as far,
        client(far, http) as bot,
    ):
        assert await bot.code("ping") == 846609
        wrong = {"bot_id": far.settings.bot_id, "secret": "wrong"}
        assert await bot.code("aibot_subscribe", wrong) == 853000
        assert await bot.subscribe(far) == 0
        assert await bot.code("ping") == 0
        assert await bot.subscribe(far) == 45009, "once for each connection"
        async with client(far, http) as other:
            assert await other.subscribe(far) == 45009, "and not too often"


async def test_the_second_to_subscribe_evicts_the_first(http: ClientSession) -> None:
    async with subscribed(http) as (far, first), client(far, http) as second:
        assert await second.subscribe(far) == 0
        frame = await first.callback()
        assert frame["body"]["event"] == {"eventtype": "disconnected_event"}
        assert (await first.ws.receive(timeout=PATIENCE)).type in (
            WSMsgType.CLOSE,
            WSMsgType.CLOSING,
            WSMsgType.CLOSED,
        )


async def test_a_stream_is_replaced_whole_locked_by_its_end_and_too_old_in_time(http: ClientSession) -> None:
    clock = Clock()
    async with subscribed(http, clock=clock) as (far, bot):
        await far.push_text("li", "hello")
        id = (await bot.callback())["headers"]["req_id"]
        assert await bot.code("aibot_respond_msg", stream("a" * 20_481), id) == 45002
        picture = {"msgtype": "image", "image": {"base64": "", "md5": ""}}
        assert await bot.code("aibot_respond_msg", stream("x", finish=True, msg_item=[picture]), id) == 40058
        assert await bot.code("aibot_respond_msg", stream("one"), id) == 0
        assert [m.text for m in far.inbox("li")] == ["one"]
        assert await bot.code("aibot_respond_msg", stream("one two", finish=True), id) == 0
        assert await bot.code("aibot_respond_msg", stream("one two", finish=True), id) == 0, "the same again"
        assert await bot.code("aibot_respond_msg", stream("three"), id) == 846608
        assert await bot.code("aibot_respond_msg", stream("new", id="s2"), id) == 0
        clock.now += 361
        assert await bot.code("aibot_respond_msg", stream("newer", id="s2"), id) == 846608
        assert await bot.code("aibot_respond_msg", markdown("still"), id) == 0
        clock.now += 86_400
        assert await bot.code("aibot_respond_msg", markdown("too late"), id) == 846605


async def test_replies_to_events_have_commands_and_times_of_their_own(http: ClientSession) -> None:
    clock = Clock()
    welcome = {"msgtype": "text", "text": {"content": "hi"}}
    async with subscribed(http, clock=clock) as (far, bot):
        await far.enter("li")
        id = (await bot.callback())["headers"]["req_id"]
        assert await bot.code("aibot_respond_msg", stream("x"), id) == 846605
        assert await bot.code("aibot_respond_update_msg", {}, id) == 846605
        clock.now += 6
        assert await bot.code("aibot_respond_welcome_msg", welcome, id) == 846605
        await far.enter("li")
        id = (await bot.callback())["headers"]["req_id"]
        assert await bot.code("aibot_respond_welcome_msg", welcome, id) == 0
        assert [m.text for m in far.inbox("li")] == ["hi"]


async def test_thirty_messages_a_minute_go_to_those_who_wrote(http: ClientSession) -> None:
    clock = Clock()
    async with subscribed(http, clock=clock) as (far, bot):
        to_li = {"chatid": "li", "chat_type": 1}
        assert await bot.code("aibot_send_msg", to_li | markdown("x")) == 93006
        await far.push_text("li", "hello")
        codes = [await bot.code("aibot_send_msg", to_li | markdown(str(n))) for n in range(31)]
        assert codes == [0] * 30 + [45009]
        clock.now += 61
        assert await bot.code("aibot_send_msg", to_li | markdown("more")) == 0
        assert await bot.code("aibot_send_msg", to_li | {"msgtype": "text"}) == 40008
        card = {"card_type": "text_notice", "card_action": {"type": 1, "url": "u"}}
        to_group = {"chatid": "li", "chat_type": 2, "msgtype": "template_card", "template_card": card}
        assert await bot.code("aibot_send_msg", to_group) == 40008


async def test_uploads_are_put_together_and_checked(http: ClientSession) -> None:
    content = bytes(range(256)) * 3000
    md5 = hashlib.md5(content).hexdigest()
    begin = {"type": "file", "filename": "a.bin", "total_size": len(content), "total_chunks": 2, "md5": md5}

    async def chunk(bot: Client, upload: str, n: int) -> int:
        piece = base64.b64encode(content[n * 524_288 : (n + 1) * 524_288]).decode()
        body = {"upload_id": upload, "chunk_index": n, "base64_data": piece}
        return await bot.code("aibot_upload_media_chunk", body)

    clock = Clock()
    async with subscribed(http, clock=clock, uploads_per_minute=3) as (far, bot):
        await far.push_text("li", "hello")
        upload = (await bot.ask("aibot_upload_media_init", begin))["body"]["upload_id"]
        assert [await chunk(bot, upload, n) for n in (1, 1)] == [0, 0]
        assert await bot.code("aibot_upload_media_finish", {"upload_id": upload}) == 40058
        assert await chunk(bot, upload, 0) == 0
        done = (await bot.ask("aibot_upload_media_finish", {"upload_id": upload}))["body"]
        assert done["type"] == "file"
        for kind, code in (("image", 40007), ("file", 0)):
            body = {"chatid": "li", "msgtype": kind, kind: {"media_id": done["media_id"]}}
            assert await bot.code("aibot_send_msg", body) == code
        assert await bot.code("aibot_upload_media_init", begin | {"type": "image"}) == 40058
        upload = (await bot.ask("aibot_upload_media_init", begin | {"md5": "0" * 32}))["body"]["upload_id"]
        assert [await chunk(bot, upload, n) for n in (0, 1)] == [0, 0]
        assert await bot.code("aibot_upload_media_finish", {"upload_id": upload}) == 40058, "another md5"
        upload = (await bot.ask("aibot_upload_media_init", begin))["body"]["upload_id"]
        assert await bot.code("aibot_upload_media_init", begin) == 45009
        clock.now += 1801
        assert await chunk(bot, upload, 0) == 40058, "begun too long ago"


async def test_a_response_url_works_once_within_its_hour(http: ClientSession) -> None:
    clock = Clock()
    async with subscribed(http, clock=clock) as (far, bot):

        async def post(url: str, body: Json) -> int:
            async with http.post(url, json=body) as response:
                return int((await response.json())["errcode"])

        for late, codes in ((0, [0, 40058]), (3601, [40058, 40058])):
            await far.push_text("li", "hello")
            url = (await bot.callback())["body"]["response_url"]
            clock.now += late
            assert [await post(url, markdown("by url")) for _ in range(2)] == codes
        assert [m.via for m in far.inbox("li")] == ["response_url"]


async def test_files_are_served_encrypted_for_five_minutes(http: ClientSession) -> None:
    clock = Clock()
    async with simulated("wecombot", clock=clock) as far:
        offered = far.offer(b"hello wecom media", "a.txt")
        async with http.get(offered["url"]) as response:
            assert response.status == 200 and len(await response.read()) == 32
        clock.now += 301
        async with http.get(offered["url"]) as response:
            assert response.status == 404
        assert "aeskey" not in far.offer(b"x", url="http://somewhere"), "the callback's key, in webhook mode"
        for kind in ("image", "voice", "file", "video"):
            with pytest.raises(ConfigError):
                await far.say("li", kind, {}, group="team")


async def test_a_silent_connection_is_closed_and_garbage_ignored(http: ClientSession) -> None:
    async with subscribed(http, line=LineRules(silence=0.2)) as (far, bot):
        await bot.ws.send_str("no json")
        await bot.ws.send_str('{"cmd": 1}')
        assert await bot.code("ping") == 0
        with anyio.fail_after(PATIENCE):
            assert (await bot.ws.receive()).type == WSMsgType.CLOSE
        assert far.counters["bad_frames"] == 2


async def test_a_half_open_connection_stays_and_nothing_goes_through(http: ClientSession) -> None:
    async with subscribed(http, fault="half-open:after=1:n=1@ping") as (far, bot):
        assert await bot.code("ping") == 0
        await bot.ws.send_json({"cmd": "ping", "headers": {"req_id": "lost"}})
        await bot.ws.send_json({"cmd": "ping", "headers": {"req_id": "unread"}})
        with anyio.fail_after(PATIENCE):
            while not far.gateway.connections[0].mute:
                await anyio.sleep(0.01)
        assert (await far.push_text("li", "swallowed")).acked, "it looks as if it were written"
        with pytest.raises(TimeoutError):
            await bot.ws.receive_json(timeout=0.05)
        async with client(far, http) as other:
            assert await other.subscribe(far) == 0
            await far.push_text("li", "hello")
            assert (await other.callback())["body"]["text"]["content"] == "hello"


async def test_control_routes_drive_it(http: ClientSession) -> None:
    async with subscribed(http) as (far, bot):

        async def control(method: str, route: str, body: Json | None = None) -> Json:
            async with http.request(method, f"{far.origin}/_sim/{route}", json=body) as response:
                assert response.status == 200, await response.text()
                return dict(await response.json())

        picture = base64.b64encode(b"\x89PNG").decode()
        await control("POST", "push", {"user": "li", "msgtype": "image", "file": picture})
        callback = await bot.callback()
        assert set(callback["body"]["image"]) == {"url", "aeskey"}
        assert await bot.code("aibot_respond_msg", stream("one"), callback["headers"]["req_id"]) == 0
        (shown,) = (await control("GET", "streams"))["streams"]
        assert (shown["frames"], shown["finished"]) == (["one"], False)
        assert len((await control("GET", "connections"))["connections"]) == 1
        await control("POST", "feedback", {"user": "li", "id": "fb", "type": 1})
        assert (await bot.callback())["body"]["event"]["feedback_event"] == {"id": "fb", "type": 1}
        await control("POST", "enter", {"user": "li"})
        assert (await bot.callback())["body"]["event"] == {"eventtype": "enter_chat"}
        rules = await control("PUT", "rules", {"poll": {"every": 0.5}, "line": {"silence": 30}})
        assert (rules["poll"]["every"], rules["line"]["silence"]) == (0.5, 30)
        assert (await control("POST", "expire-media"))["expired"] == 1
        assert (await control("POST", "kick", {"how": "evict"}))["kicked"] == 1
        assert (await bot.callback())["body"]["event"]["eventtype"] == "disconnected_event"
