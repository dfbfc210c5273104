"""wechatpy, somebody else's implementation, agrees with our wire: with the simulator and with the adapter."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import pytest
from anyio import to_thread
from wechatpy.enterprise import WeChatClient, WeChatCrypto, create_reply, parse_message
from wechatpy.enterprise.events import EVENT_TYPES
from wechatpy.enterprise.messages import MESSAGE_TYPES
from wechatpy.exceptions import InvalidSignatureException, WeChatClientException
from wecom_here import AMR, MP4, PNG, a_delivery, connected

from mindbot.domain.ports.platform import Receive, WebhookRequest, WebhookResponse
from mindbot.platforms.wecom.wire import parse_xml
from mindbot.platforms.wecom_shared.crypto import Crypto
from mindbot.sim.testing import simulated
from mindbot.sim.wecom import samples
from mindbot.sim.wecom.server import WeComSimulator
from mindbot.testing.platforms import Inbox, served

pytestmark = pytest.mark.anyio
T = TypeVar("T")


class Client(WeChatClient):
    """The referee's client, talking to a simulator."""

    def __init__(self, far: WeComSimulator) -> None:
        self.API_BASE_URL = f"{far.base_url}/cgi-bin/"
        super().__init__(far.settings.corpid, far.settings.secret)
        self._http.trust_env = False

    def fetch_access_token(self) -> dict[str, Any]:
        query = {"corpid": self.corp_id, "corpsecret": self.secret}
        return dict(self._fetch_access_token(f"{self.API_BASE_URL}gettoken", query))


async def blocking(work: Callable[..., T], *args: Any, **more: Any) -> T:
    return await to_thread.run_sync(partial(work, *args, **more))


class Judge:
    """A callback URL that reads pushes with wechatpy and answers with it."""

    name, bot, host, port, max_body = "wecom", "judge", "127.0.0.1", 0, 1 << 20

    def __init__(self, far: WeComSimulator) -> None:
        s = far.settings
        self.crypto = WeChatCrypto(s.token, s.encoding_aes_key, s.corpid)
        self.messages: list[Any] = []
        self.answer = ""

    async def callback(self, request: WebhookRequest, receive: Receive) -> WebhookResponse:
        signature, at, nonce = (request.query[name] for name in ("msg_signature", "timestamp", "nonce"))
        if request.method == "GET":
            echo = self.crypto.check_signature(signature, at, nonce, request.query["echostr"])
            return WebhookResponse(200, echo.encode() if isinstance(echo, str) else echo)
        message = parse_message(self.crypto.decrypt_message(request.body, signature, at, nonce))
        self.messages.append(message)
        if not self.answer:
            return WebhookResponse(200)
        reply = create_reply(self.answer, message).render()
        return WebhookResponse(200, self.crypto.encrypt_message(reply, nonce, at).encode())


@asynccontextmanager
async def judged() -> AsyncIterator[tuple[WeComSimulator, Judge]]:
    async with simulated("wecom", strict=True) as far:
        judge = Judge(far)
        async with served(judge, Inbox().receive) as url:
            far.callback_url = url
            yield far, judge


async def test_its_crypto_passes_the_verification_and_reads_and_answers_pushes() -> None:
    async with judged() as (far, judge):
        verification = await far.verify()
        assert verification.ok, verification.reason
        judge.answer = "收到 <&>"
        pushed = await far.push_text("zhangsan", "你好 ]]> 👍")
        assert pushed.acked and not pushed.error
        assert judge.messages[0].content == "你好 ]]> 👍"
        assert [m.text for m in far.inbox("zhangsan")] == ["收到 <&>"]


async def test_its_parser_reads_every_message_type() -> None:
    async with judged() as (far, judge):
        for kind, fields in samples.MESSAGES.items():
            assert (await far.push("zhangsan", kind, fields)).acked
            message = judge.messages[-1]
            known = MESSAGE_TYPES.get(kind)
            assert isinstance(message, known) if known else kind == "file", kind
            assert message.source == "zhangsan"
            if known:
                assert message.agent == far.settings.agent_id
                assert message.id > 7e18
        text, image, voice, video, location, link, _ = judge.messages
        assert (text.content, image.media_id, voice.format) == ("hello", "M-image", "amr")
        assert (image.image, video.thumb_media_id) == ("https://wework.qpic.cn/p/1", "M-thumb")
        assert (location.location_x, location.label, location.scale) == ("23.134", "广州市", "20")
        assert (link.title, link.url, link.pic_url) == (
            "Minutes",
            "https://example.org/m",
            "https://example.org/p.png",
        )


async def test_its_parser_reads_the_events_it_knows() -> None:
    async with judged() as (far, judge):
        known = 0
        for name, fields in samples.EVENTS.items():
            assert (await far.push("zhangsan", "event", {"Event": name, **fields})).acked
            event = judge.messages[-1]
            if kind := EVENT_TYPES.get(name.lower()):
                known += 1
                assert isinstance(event, kind), name
            if name.startswith("scancode"):
                assert (event.key, event.scan_result) == ("scan", "ticket-17")
            if name.startswith("pic_"):
                assert event.count == 1
            if name == "location_select":
                assert (event.key, event.location_x) == ("where", "23.104")
            if name == "batch_job_result":
                assert (event.job_type, event.err_msg) == ("sync_user", "ok")
        assert known == len(EVENT_TYPES)  # all that it knows


async def test_it_reads_what_the_adapter_encrypts_and_the_adapter_what_it_does() -> None:
    async with connected() as here:
        s = here.sim.settings
        theirs = WeChatCrypto(s.token, s.encoding_aes_key, s.corpid)
        ours = Crypto(s.token, s.encoding_aes_key, s.corpid)
        for text in ("hello", "你好" * 100, "x" * 31, "<xml>&</xml>"):
            encrypted = ours.encrypt(text.encode())
            envelope = f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
            signature = ours.sign("1700000000", "nonce", encrypted)
            assert theirs.decrypt_message(envelope, signature, "1700000000", "nonce") == text
            answer = parse_xml(theirs.encrypt_message(text, "nonce", "1700000000").encode())
            ours.check(answer["MsgSignature"], answer["TimeStamp"], answer["Nonce"], answer["Encrypt"])
            assert ours.decrypt(answer["Encrypt"]) == text.encode()
        with pytest.raises(InvalidSignatureException):
            theirs.decrypt_message(envelope, "0" * 40, "1700000000", "nonce")


async def test_its_client_sends_what_it_can_to_the_simulator() -> None:
    async with simulated("wecom", strict=True) as far:
        api, agent = Client(far), far.settings.agent_id
        say = api.message
        ids = {}
        files = {"image": (PNG, "a.png"), "voice": (AMR, "a.amr"), "video": (MP4, "a.mp4")}
        for kind, (content, name) in (files | {"file": (b"a document", "minutes.txt")}).items():
            file = io.BytesIO(content)
            file.name = name
            ids[kind] = (await blocking(api.media.upload, kind, file))["media_id"]
        article = {"title": "T", "description": "D", "url": "https://e.org", "image": "https://e.org/p.png"}
        page = {"thumb_media_id": ids["image"], "author": "A", "title": "T", "content": "<p>C</p>"}
        page |= {"content_source_url": "", "digest": "D", "show_cover_pic": 0}
        for call in (
            partial(say.send_text, agent, "li", "hello"),
            partial(say.send_markdown, agent, ["li", "mei"], "**hello**"),
            partial(say.send_image, agent, "li", ids["image"]),
            partial(say.send_voice, agent, "li", ids["voice"]),
            partial(say.send_video, agent, "li", ids["video"], "title", "description"),
            partial(say.send_file, agent, "li", ids["file"]),
            partial(say.send_text_card, agent, "li", "title", "description", "https://e.org"),
            partial(say.send_articles, agent, "li", [article]),
            partial(say.send_mp_articles, agent, "li", [page]),
        ):
            assert (await blocking(call))["errcode"] == 0
        kinds = ["text", "markdown", "image", "voice", "video", "file", "textcard", "news", "mpnews"]
        assert [m.msgtype for m in far.inbox("li")] == kinds
        assert [m.text for m in far.inbox("mei")] == ["**hello**"]
        assert far.counters["gettoken"] == 1
        with pytest.raises(WeChatClientException) as caught:
            await blocking(say.send_text, agent, "nobody", "hello")
        assert caught.value.errcode == 81013


async def test_its_client_downloads_media_and_reads_contacts() -> None:
    async with connected() as here:
        api = Client(here.sim)
        part = await here.part("image", PNG, "a.png")
        await here.bot.send(a_delivery(part))
        media_id = here.sim.inbox("zhangsan")[0].body["media_id"]
        got = await blocking(api.get, "media/get", params={"media_id": media_id})
        assert got.content == PNG
        assert 'filename="a.png"' in got.headers["Content-Disposition"]
        with pytest.raises(WeChatClientException) as caught:
            await blocking(api.get, "media/get", params={"media_id": "gone"})
        assert caught.value.errcode == 40007
        assert (await blocking(api.user.get, "li"))["name"] == (await here.bot.user("li"))["name"]
        assert (await blocking(api.agent.get, here.sim.settings.agent_id))["close"] == 0


async def test_it_takes_a_new_token_where_the_old_one_ended() -> None:
    async with simulated("wecom", strict=True, fault="expired-token:after=1") as far:
        api = Client(far)
        for text in ("one", "two"):
            await blocking(api.message.send_text, far.settings.agent_id, "li", text)
        assert [m.text for m in far.inbox("li")] == ["one", "two"]
        assert far.counters["gettoken"] == 2
