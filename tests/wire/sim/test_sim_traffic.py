"""The traffic generator against a small echo bot: sound, and wrong in every way it must notice."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import pytest
from aiohttp import ClientSession, web
from anyio.abc import TaskGroup
from wechatpy.enterprise.crypto import WeChatCrypto

from mindbot.domain.errors import ConfigError, NetworkFailed
from mindbot.sim.testing import simulated
from mindbot.sim.traffic import TrafficPlan, run
from mindbot.sim.wecom.attempts import PushRules
from mindbot.sim.wecom.server import WeComSimulator
from mindbot.sim.wecom.xml import from_xml

pytestmark = pytest.mark.anyio
Receiver = Callable[[Any], AbstractAsyncContextManager[str]]


class EchoBot:
    """Reads with wechatpy, acks at once, answers each message id once, in order, with message/send.

    ``forget``, ``repeat``, ``delay`` and ``refuse`` hold numbers of messages, in the order they came, to
    lose, to answer twice, to answer after the next message, and to refuse at first.
    """

    def __init__(
        self, wecom: WeComSimulator, http: ClientSession, group: TaskGroup, **faults: set[int]
    ) -> None:
        s = wecom.settings
        self.wecom, self.http, self.group, self.faults = wecom, http, group, faults
        self.crypto = WeChatCrypto(s.token, s.encoding_aes_key, s.corpid)
        self.seen: set[str] = set()
        self.kept: list[dict[str, str]] = []
        self.lock = anyio.Lock()
        self.token = ""

    def has(self, fault: str, number: int) -> bool:
        return number in self.faults.get(fault, ())

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        query, body = request.query, await request.read()
        signed = (query["msg_signature"], query["timestamp"], query["nonce"])
        plain = self.crypto.decrypt_message({"Encrypt": from_xml(body)["Encrypt"]}, *signed)
        message, number = from_xml(plain.encode()), len(self.seen)
        if self.has("refuse", number):
            self.faults["refuse"].discard(number)
            return web.Response(status=500)
        if message["MsgId"] not in self.seen:
            self.seen.add(message["MsgId"])
            self.group.start_soon(self.work, message, number)
        return web.Response()

    async def work(self, message: dict[str, str], number: int) -> None:
        async with self.lock:
            if self.has("forget", number):
                return
            if self.has("delay", number):
                self.kept.append(message)
                return
            await self.say(message)
            if self.has("repeat", number):
                await self.say(message)
            while self.kept:
                await self.say(self.kept.pop())

    async def say(self, message: dict[str, str]) -> None:
        base = f"{self.wecom.base_url}/cgi-bin"
        if not self.token:
            async with self.http.get(f"{base}/gettoken?corpid=any&corpsecret=any") as response:
                self.token = (await response.json())["access_token"]
        text = {"content": f"echo: {message['Content']}"}
        body = {
            "touser": message["FromUserName"],
            "agentid": message["AgentID"],
            "msgtype": "text",
            "text": text,
        }
        async with self.http.post(f"{base}/message/send?access_token={self.token}", json=body) as response:
            assert (await response.json())["errcode"] == 0


def plan(**fields: Any) -> TrafficPlan:
    return TrafficPlan(**{"messages": 40, "users": 8, "quiet": 0.5, "settle": 0.05, **fields})


async def report_of(
    http: ClientSession,
    receiver: Receiver,
    the_plan: TrafficPlan,
    *,
    faults: tuple[str, ...] = (),
    **bot_faults: set[int],
) -> Any:
    async with (
        anyio.create_task_group() as group,
        simulated("wecom", fault=faults, push=PushRules(persistent_pause=0.01)) as wecom,
        receiver(EchoBot(wecom, http, group, **bot_faults)) as url,
    ):
        return await run(the_plan.model_copy(update={"callback": url}), wecom)


async def test_every_message_answered_once_and_in_order(http: ClientSession, receiver: Receiver) -> None:
    report = await report_of(http, receiver, plan())
    assert report.ok
    assert (report.sent, report.acked, report.answered) == (40, 40, 40)
    assert (report.lost, report.duplicated, report.misordered, report.other) == (0, 0, 0, 0)
    assert 0 < report.ack_p50_ms <= report.ack_p99_ms
    assert 0 < report.answer_p50_ms <= report.answer_p99_ms
    assert report.wall_s > 0


async def test_copies_and_equal_texts(http: ClientSession, receiver: Receiver) -> None:
    report = await report_of(http, receiver, plan(copies=5, equal_texts=True))
    assert report.ok
    assert (report.acked, report.answered, report.duplicated) == (40, 40, 0)


async def test_a_rate(http: ClientSession, receiver: Receiver) -> None:
    report = await report_of(http, receiver, plan(messages=10, rate=200))
    assert report.ok
    assert report.wall_s > 0.04  # the tenth leaves after 9/200 s, never before


async def test_connections_share_the_messages_and_each_waits_for_its_ack(
    http: ClientSession, receiver: Receiver
) -> None:
    """No more calls are open at once than there are callers, and nobody overtakes himself."""
    is_open = most = 0
    async with anyio.create_task_group() as group, simulated("wecom", push=PushRules()) as wecom:
        bot = EchoBot(wecom, http, group)

        async def counted(request: web.BaseRequest) -> web.StreamResponse:
            nonlocal is_open, most
            is_open += 1
            most = max(most, is_open)
            try:
                await anyio.sleep(0.01)
                return await bot(request)
            finally:
                is_open -= 1

        async with receiver(counted) as url:
            report = await run(plan(users=20, connections=4, callback=url), wecom)
            assert report.ok and report.answered == 40 and report.misordered == 0
            assert most == 4
            most = 0
            alone = await run(plan(users=1, messages=10, connections=4, callback=url, user_prefix="x"), wecom)
            assert alone.ok and alone.misordered == 0
            assert most == 1, "one user's messages wait for each other"


async def test_lost_messages_are_named(http: ClientSession, receiver: Receiver) -> None:
    report = await report_of(http, receiver, plan(quiet=0.2), forget={3, 7})
    assert not report.ok
    assert (report.acked, report.answered, report.lost, len(report.lost_texts)) == (40, 38, 2, 2)


async def test_duplicates_are_counted(http: ClientSession, receiver: Receiver) -> None:
    report = await report_of(http, receiver, plan(), repeat={0, 39})
    assert not report.ok
    assert (report.answered, report.duplicated, report.lost) == (40, 2, 0)


async def test_duplicates_of_equal_texts_are_counted(http: ClientSession, receiver: Receiver) -> None:
    report = await report_of(http, receiver, plan(users=1, equal_texts=True), repeat={39})
    assert (report.answered, report.duplicated) == (40, 1)


async def test_disorder_inside_a_session_is_counted(http: ClientSession, receiver: Receiver) -> None:
    report = await report_of(http, receiver, plan(users=1), delay={4})
    assert not report.ok
    assert (report.answered, report.misordered) == (40, 1)


async def test_unacked_is_not_lost(http: ClientSession, receiver: Receiver) -> None:
    report = await report_of(http, receiver, plan(messages=3, users=1), faults=("bad-signature:n=3",))
    assert (report.unacked, report.acked, report.answered, report.lost) == (1, 2, 2, 0)


async def test_refusals_are_repeated_by_the_platform(http: ClientSession, receiver: Receiver) -> None:
    report = await report_of(http, receiver, plan(), refuse={0, 10, 20})
    assert report.ok


async def test_persistence_until_the_bot_is_back(http: ClientSession, receiver: Receiver) -> None:
    report = await report_of(http, receiver, plan(messages=4, persistent=30), faults=("bad-xml:n=30",))
    assert (report.acked, report.answered) == (4, 4)


async def test_other_texts_are_shown(http: ClientSession, receiver: Receiver) -> None:
    class Rude(EchoBot):
        async def say(self, message: dict[str, str]) -> None:
            await super().say({**message, "Content": "busy, come back later"})

    async with (
        anyio.create_task_group() as group,
        simulated("wecom") as wecom,
        receiver(Rude(wecom, http, group)) as url,
    ):
        report = await run(plan(messages=2, quiet=0.2, callback=url), wecom)
    assert (report.answered, report.lost, report.other) == (0, 2, 2)
    assert report.other_texts[0] == "echo: busy, come back later"


async def test_over_the_control_endpoint(http: ClientSession, receiver: Receiver) -> None:
    async with (
        anyio.create_task_group() as group,
        simulated("wecom") as wecom,
        receiver(EchoBot(wecom, http, group)) as url,
    ):
        report = await run(plan(callback=url, simulator=wecom.base_url))
        assert report.ok
        wecom.callback_url = url
        async with http.post(f"{wecom.base_url}/_sim/traffic", json={"messages": 5, "settle": 0}) as response:
            answer = await response.json()
        assert (answer["ok"], answer["answered"], answer["lost"]) == (True, 5, 0)
        async with http.post(f"{wecom.base_url}/_sim/traffic", json={"massages": 5}) as response:
            assert response.status == 400


async def test_plans_that_cannot_run() -> None:
    with pytest.raises(ConfigError):
        await run(plan())
    with pytest.raises(NetworkFailed):
        await run(plan(simulator="http://127.0.0.1:9", callback="http://127.0.0.1:9"))
    async with simulated("wecom") as wecom:
        with pytest.raises(ConfigError):
            await run(plan(), wecom)
        with pytest.raises(ConfigError, match="callback"):
            await run(plan(simulator=wecom.base_url))
