"""The WeCom simulator's pushes: what a receiver gets, when it gets it again, and what it must refuse."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import pytest
from aiohttp import ClientSession, web
from wechatpy.enterprise.crypto import WeChatCrypto
from wechatpy.enterprise.exceptions import InvalidCorpIdException
from wechatpy.exceptions import InvalidSignatureException

from mindbot.sim.testing import simulated
from mindbot.sim.wecom.attempts import PushRules
from mindbot.sim.wecom.settings import WeComSimSettings
from mindbot.sim.wecom.xml import from_xml

pytestmark = pytest.mark.anyio
Receiver = Callable[[Any], AbstractAsyncContextManager[str]]


def referee() -> WeChatCrypto:
    s = WeComSimSettings()
    return WeChatCrypto(s.token, s.encoding_aes_key, s.corpid)


class Bot:
    """A receiver that reads with wechatpy, records everything, and answers by a list of statuses."""

    def __init__(self, *statuses: int, reply: str = "") -> None:
        self.statuses = list(statuses)
        self.reply = reply
        self.queries: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.errors: list[Exception] = []
        self.messages: list[dict[str, str]] = []

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        query, body = dict(request.query), await request.read()
        self.queries.append(query)
        self.bodies.append(body)
        try:
            self.messages.append(from_xml(self.read(query, body).encode()))
        except Exception as exc:  # noqa: BLE001 - whatever the referee raises is what we look for
            self.errors.append(exc)
            return web.Response(status=400)
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 0:
            await anyio.sleep_forever()
        return web.Response(status=status, text=self.reply if status == 200 else "")

    @staticmethod
    def read(query: dict[str, str], body: bytes) -> str:
        encrypted = from_xml(body)["Encrypt"]
        signed = (query["msg_signature"], query["timestamp"], query["nonce"])
        return referee().decrypt_message({"Encrypt": encrypted}, *signed)


async def test_a_text_as_the_platform_sends_it(receiver: Receiver) -> None:
    bot = Bot()
    async with simulated("wecom") as wecom, receiver(bot) as url:
        pushed = await wecom.push_text("zhangsan", "你好 ]]> <b>", url=url)
        assert (pushed.acked, pushed.attempts, pushed.status) == (True, 1, 200)
        [message] = bot.messages
        assert int(message.pop("CreateTime")) > 0
        assert message == {
            "ToUserName": wecom.settings.corpid,
            "FromUserName": "zhangsan",
            "MsgType": "text",
            "Content": "你好 ]]> <b>",
            "MsgId": pushed.msgid,
            "AgentID": "1000002",
        }
        outer = from_xml(bot.bodies[0])
        assert (outer["ToUserName"], outer["AgentID"]) == (wecom.settings.corpid, "1000002")


async def test_events_carry_no_msgid_and_may_nest(receiver: Receiver) -> None:
    bot = Bot()
    async with simulated("wecom") as wecom, receiver(bot) as url:
        selected = {"SelectedItem": [{"QuestionKey": "q1", "OptionIds": {"OptionId": ["o1", "o2"]}}]}
        fields = {"Event": "template_card_event", "EventKey": "btn_ok", "SelectedItems": selected}
        await wecom.push("zhangsan", "event", fields, url=url)
        [message] = bot.messages
        assert "MsgId" not in message
        assert (message["Event"], message["QuestionKey"], message["OptionId"]) == (
            "template_card_event",
            "q1",
            "o2",
        )


async def test_ids_are_unique_also_across_simulators(receiver: Receiver) -> None:
    bot = Bot()
    async with receiver(bot) as url:
        for _ in range(2):
            async with simulated("wecom") as wecom:
                await wecom.push_text("a", "x", url=url)
                await wecom.push_text("a", "x", url=url)
    ids = [message["MsgId"] for message in bot.messages]
    assert len(set(ids)) == 4
    assert all(0 < int(msgid) < 2**63 for msgid in ids)


@pytest.mark.parametrize("statuses", [(500, 500), (0, 404)])
async def test_an_unanswered_push_is_repeated_with_a_new_ciphertext(
    receiver: Receiver, statuses: tuple[int]
) -> None:
    bot = Bot(*statuses)
    async with simulated("wecom", push=PushRules(timeout=0.05)) as wecom, receiver(bot) as url:
        pushed = await wecom.push_text("zhangsan", "hi", url=url)
        assert (pushed.acked, pushed.attempts) == (True, 3)
        assert len({message["MsgId"] for message in bot.messages}) == 1
        assert len({query["nonce"] for query in bot.queries}) == 3
        assert len(set(bot.bodies)) == 3
        assert wecom.counters["acked"] == 1


async def test_three_attempts_and_no_more(receiver: Receiver) -> None:
    bot = Bot(500, 500, 500, 500)
    async with simulated("wecom") as wecom, receiver(bot) as url:
        pushed = await wecom.push_text("zhangsan", "hi", url=url)
        assert (pushed.acked, pushed.attempts, pushed.error) == (False, 3, "HTTP 500")
        assert wecom.counters["unacked"] == 1


async def test_newer_platforms_do_not_repeat_after_an_answer(receiver: Receiver) -> None:
    bot = Bot(500)
    async with simulated("wecom", push=PushRules(retry_non_200=False)) as wecom, receiver(bot) as url:
        assert (await wecom.push_text("zhangsan", "hi", url=url)).attempts == 1


async def test_nobody_listens() -> None:
    async with simulated("wecom") as wecom:
        pushed = await wecom.push_text("zhangsan", "hi", url="http://127.0.0.1:9/callback")
        assert (pushed.acked, pushed.attempts, pushed.status) == (False, 3, 0)
        assert "Connect" in pushed.error


async def test_persistence_outlasts_the_platform(receiver: Receiver) -> None:
    bot = Bot(500, 500, 500, 500, 500)
    async with simulated("wecom", push=PushRules(persistent_pause=0.01)) as wecom, receiver(bot) as url:
        pushed = await wecom.push_text("zhangsan", "hi", url=url, persistent=30)
        assert (pushed.acked, pushed.attempts) == (True, 6)


async def test_a_passive_reply_reaches_the_phone(receiver: Receiver) -> None:
    plain = (
        "<xml><ToUserName>zhangsan</ToUserName><FromUserName>corp</FromUserName><CreateTime>1</CreateTime>"
        "<MsgType>text</MsgType><Content>收到</Content></xml>"
    )
    bot = Bot(reply=referee().encrypt_message(plain, "n1", "1700000000"))
    async with simulated("wecom") as wecom, receiver(bot) as url:
        await wecom.push_text("zhangsan", "hi", url=url)
        [shown] = wecom.inbox("zhangsan")
        assert (shown.text, shown.msgtype, shown.via) == ("收到", "text", "reply")


@pytest.mark.parametrize("reply", ["hello?", "<xml><Encrypt>x</Encrypt></xml>", "success"])
async def test_bad_passive_replies_show_nothing(receiver: Receiver, reply: str) -> None:
    async with simulated("wecom") as wecom, receiver(Bot(reply=reply)) as url:
        assert (await wecom.push_text("zhangsan", "hi", url=url)).acked
        assert not wecom.inbox("zhangsan")
        assert wecom.counters["bad_replies"] == (reply != "success")


async def test_lost_acks_and_duplicates_repeat_the_same_message(receiver: Receiver) -> None:
    bot = Bot()
    async with simulated("wecom", fault=["lost-ack:n=1", "duplicate:times=2"]) as wecom, receiver(bot) as url:
        assert (await wecom.push_text("zhangsan", "hi", url=url)).attempts == 2
        assert len(bot.messages) == 4
        assert len({message["MsgId"] for message in bot.messages}) == 1
        assert len(set(bot.bodies)) == 4


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("bad-signature", InvalidSignatureException),
        ("bad-receiveid", InvalidCorpIdException),
        ("bad-base64", ValueError),
        ("bad-xml", ValueError),
        ("dtd", ValueError),
    ],
)
async def test_forgeries_are_refused_and_the_repeat_is_sound(
    receiver: Receiver, fault: str, error: type
) -> None:
    bot = Bot()
    async with simulated("wecom", fault=f"{fault}:n=1") as wecom, receiver(bot) as url:
        assert (await wecom.push_text("zhangsan", "hi", url=url)).attempts == 2
        assert isinstance(bot.errors[0], error)
        assert len(bot.messages) == 1


async def test_wrong_padding_and_old_timestamps(receiver: Receiver) -> None:
    bot = Bot()
    async with (
        simulated("wecom", fault=["bad-padding:pad=0:n=1", "stale:age=3600:after=1:n=1"]) as wecom,
        receiver(bot) as url,
    ):
        await wecom.push_text("zhangsan", "hi", url=url)
        await wecom.push_text("zhangsan", "hi", url=url)
        encrypted = from_xml(bot.bodies[0])["Encrypt"]
        with pytest.raises(ValueError, match="padding"):
            wecom.crypto.decrypt(encrypted)
        ages = [int(bot.queries[0]["timestamp"]) - int(query["timestamp"]) for query in bot.queries]
        assert any(age >= 3590 for age in ages)


class Verifier:
    """A receiver for URL verification that dresses the echo up."""

    def __init__(self, dress: str = "{}", status: int = 200) -> None:
        self.dress = dress
        self.status = status

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        query = request.query
        signed = (query["msg_signature"], query["timestamp"], query["nonce"], query["echostr"])
        echo = referee().check_signature(*signed)
        return web.Response(text=self.dress.format(echo), status=self.status)


@pytest.mark.parametrize(
    ("verifier", "ok"),
    [
        (Verifier(), True),
        (Verifier('"{}"'), False),
        (Verifier("{}\n"), False),
        (Verifier("\ufeff{}"), False),
        (Verifier(status=201), False),
    ],
)
async def test_url_verification(receiver: Receiver, verifier: Verifier, ok: bool) -> None:
    async with simulated("wecom") as wecom, receiver(verifier) as url:
        verification = await wecom.verify(url)
        assert verification.ok is ok, verification.reason
        assert bool(verification.reason) is not ok
        assert wecom.callback_url == (url if ok else "")


async def test_control_pushes_and_verifies(receiver: Receiver, http: ClientSession) -> None:
    bot = Bot()
    async with simulated("wecom") as wecom, receiver(bot) as url:
        control = f"{wecom.base_url}/_sim"
        async with http.post(f"{control}/push", json={"user": "a", "text": "hi"}) as r:
            assert r.status == 400  # no callback URL yet
        await http.post(f"{control}/callback", json={"url": url})
        async with http.post(f"{control}/push", json={"user": "a", "text": "hi", "msgid": "42"}) as r:
            pushed = await r.json()
        assert (pushed["acked"], pushed["msgid"]) == (True, "42")
        fields = {"PicUrl": "http://p", "MediaId": "M1"}
        await http.post(f"{control}/push", json={"user": "a", "msgtype": "image", "fields": fields})
        assert [m["MsgType"] for m in bot.messages] == ["text", "image"]
        async with http.post(f"{control}/verify", json={}) as r:
            assert (await r.json())["ok"] is False


async def test_rules_change_over_control(receiver: Receiver, http: ClientSession) -> None:
    async with simulated("wecom") as wecom, receiver(Bot(500, 500)) as url:
        rules = f"{wecom.base_url}/_sim/rules"
        change = {"push": {"retry_non_200": False}, "send": {"members": ["lisi"], "remembered": "all"}}
        async with http.put(rules, json=change) as r:
            answer = await r.json()
        assert (answer["push"]["retry_non_200"], answer["push"]["attempts"]) == (False, 3)
        assert answer["send"]["members"] == ["lisi"]
        assert (await wecom.push_text("zhangsan", "hi", url=url)).attempts == 1
        for wrong in ({"push": {"attempts": "many"}}, {"push": {"atempts": 2}}, {"send": {"equal": "never"}}):
            async with http.put(rules, json=wrong) as r:
                assert r.status == 400
