"""The WeCom simulator's REST API: tokens, message/send and its limits, faults."""

from typing import Any

import orjson
import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout

from mindbot.sim.testing import simulated
from mindbot.sim.wecom.send import SendRules
from mindbot.sim.wecom.server import WeComSimulator

pytestmark = pytest.mark.anyio
Json = dict[str, Any]


class Clock:
    """Time that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def gettoken(http: ClientSession, wecom: WeComSimulator, **query: str) -> Json:
    query = {"corpid": wecom.settings.corpid, "corpsecret": wecom.settings.secret, **query}
    async with http.get(f"{wecom.base_url}/cgi-bin/gettoken", params=query) as response:
        assert response.status == 200
        return await response.json()


async def send(
    http: ClientSession, wecom: WeComSimulator, body: Any = None, token: str = "", **extra: Any
) -> Json:
    """Send a text to zhangsan, or what is given."""
    token = token or (await gettoken(http, wecom))["access_token"]
    text: Json = {"touser": "zhangsan", "msgtype": "text", "agentid": 1000002, "text": {"content": "hi"}}
    url = f"{wecom.base_url}/cgi-bin/message/send"
    async with http.post(
        url, params={"access_token": token}, json={**text, **extra} if body is None else body
    ) as r:
        assert r.status == 200
        return await r.json()


async def test_the_same_token_while_it_is_valid(http: ClientSession) -> None:
    clock = Clock()
    async with simulated("wecom", clock=clock, token_ttl=100) as wecom:
        first = await gettoken(http, wecom)
        assert (first["errcode"], first["expires_in"]) == (0, 100)
        clock.now += 60
        again = await gettoken(http, wecom)
        assert (again["access_token"], again["expires_in"]) == (first["access_token"], 40)
        clock.now += 40
        assert (await gettoken(http, wecom))["access_token"] != first["access_token"]
        assert (await send(http, wecom, token=first["access_token"]))["errcode"] == 42001


async def test_missing_and_unknown_tokens(http: ClientSession) -> None:
    async with simulated("wecom") as wecom:
        async with http.post(f"{wecom.base_url}/cgi-bin/message/send", json={}) as response:
            assert (await response.json())["errcode"] == 41001
        refused = await send(http, wecom, token="never-issued")
        assert refused["errcode"] == 40014
        assert "devtool/query?e=40014" in refused["errmsg"]


async def test_credentials_matter_only_when_strict(http: ClientSession) -> None:
    async with simulated("wecom") as wecom:
        assert (await gettoken(http, wecom, corpid="any", corpsecret="any"))["errcode"] == 0
        assert (await gettoken(http, wecom, corpid=""))["errcode"] == 41002
        assert (await gettoken(http, wecom, corpsecret=""))["errcode"] == 41004
    async with simulated("wecom", strict=True) as wecom:
        assert (await gettoken(http, wecom, corpid="ww_other"))["errcode"] == 40013
        assert (await gettoken(http, wecom, corpsecret="wrong"))["errcode"] == 40001
        assert (await gettoken(http, wecom))["errcode"] == 0
        assert (await send(http, wecom, agentid=1000003))["errcode"] == 301002


async def test_what_users_see(http: ClientSession) -> None:
    async with simulated("wecom") as wecom:
        answer = await send(http, wecom, touser="ZhangSan|lisi|nobody|ZHANGSAN")
        assert (answer["errcode"], answer["invaliduser"]) == (0, "nobody")
        assert answer["msgid"]
        await send(http, wecom, msgtype="markdown", markdown={"content": "**done**"})
        media_id = wecom.shelf.put("image", b"a picture", "a.png")
        await send(http, wecom, msgtype="image", image={"media_id": media_id})
        assert [(s.msgtype, s.text) for s in wecom.inbox("zhangsan")] == [
            ("text", "hi"),
            ("markdown", "**done**"),
            ("image", ""),
        ]
        assert wecom.inbox("zhangsan")[2].body == {"media_id": media_id}
        assert [s.text for s in wecom.inbox("LISI")] == ["hi"]
        async with http.get(f"{wecom.base_url}/_sim/inbox", params={"user": "zhangsan", "since": "1"}) as r:
            assert [m["text"] for m in (await r.json())["messages"]] == ["**done**", ""]


@pytest.mark.parametrize(
    ("extra", "errcode"),
    [
        ({"touser": "nobody"}, 81013),
        ({"touser": "../etc|bad id"}, 81013),
        ({"touser": ""}, 82001),
        ({"touser": "", "toparty": "7"}, 81013),
        ({"touser": "|".join(f"u{i}" for i in range(1001))}, 40032),
        ({"toparty": "|".join(map(str, range(101)))}, 82002),
        ({"totag": "|".join(map(str, range(101)))}, 82003),
        ({"agentid": "app"}, 40056),
        ({"msgtype": "telegram"}, 40008),
        ({"text": {"content": ""}}, 44004),
        ({"text": "hi"}, 40063),
        ({"msgtype": "markdown", "markdown": {"content": "字" * 683}}, 45002),
    ],
)
async def test_refusals(http: ClientSession, extra: Json, errcode: int) -> None:
    async with simulated("wecom") as wecom:
        assert (await send(http, wecom, **extra))["errcode"] == errcode
        assert wecom.counters[f"errcode.{errcode}"] == 1
        assert not wecom.inbox("zhangsan")


async def test_bodies_that_are_no_request(http: ClientSession) -> None:
    async with simulated("wecom") as wecom:
        assert (await send(http, wecom, body={"touser": "a", "msgtype": "text"}))["errcode"] == 41011
        refused = await send(http, wecom, body=["not", "an", "object"])
        assert (refused["errcode"], "wrong json format" in refused["errmsg"]) == (40063, True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" * 2048, "a" * 2048),
        ("a" * 2049, "a" * 2048),
        ("a" * 2046 + "字", "a" * 2046),
        ("字" * 700, "字" * 682),
    ],
)
async def test_long_text_is_cut_silently(http: ClientSession, text: str, shown: str) -> None:
    async with simulated("wecom") as wecom:
        assert (await send(http, wecom, text={"content": text}))["errcode"] == 0
        assert wecom.inbox("zhangsan")[0].text == shown


async def test_members_when_listed(http: ClientSession) -> None:
    rules = SendRules(members=frozenset({"zhangsan"}))
    async with simulated("wecom", send=rules) as wecom:
        assert (await send(http, wecom, touser="zhangsan|lisi"))["invaliduser"] == "lisi"
        assert (await send(http, wecom, touser="@all"))["errcode"] == 0
        assert len(wecom.inbox("zhangsan")) == 2


async def test_a_repetition_is_accepted_but_not_shown(http: ClientSession) -> None:
    clock = Clock()
    async with simulated("wecom", clock=clock) as wecom:
        checked = {"enable_duplicate_check": 1, "duplicate_check_interval": 60}
        for _ in range(3):
            assert (await send(http, wecom, **checked))["errcode"] == 0
        assert len(wecom.inbox("zhangsan")) == 1
        await send(http, wecom, touser="lisi|zhangsan", **checked)
        await send(http, wecom, text={"content": "other"}, **checked)
        assert (len(wecom.inbox("zhangsan")), len(wecom.inbox("lisi"))) == (2, 1)
        clock.now += 61
        await send(http, wecom, **checked)
        assert len(wecom.inbox("zhangsan")) == 3
        assert wecom.counters["deduplicated"] == 3


async def test_equal_texts_without_the_flag_all_arrive(http: ClientSession) -> None:
    async with simulated("wecom") as wecom:
        await send(http, wecom)
        await send(http, wecom)
        await send(http, wecom, enable_duplicate_check=1)  # the earlier ones were not remembered
        assert len(wecom.inbox("zhangsan")) == 3
    async with simulated("wecom", send=SendRules(remembered="all")) as wecom:
        await send(http, wecom)
        await send(http, wecom, enable_duplicate_check=1)
        assert len(wecom.inbox("zhangsan")) == 1


async def test_repetition_by_the_whole_request(http: ClientSession) -> None:
    async with simulated("wecom", send=SendRules(equal="request")) as wecom:
        await send(http, wecom, enable_duplicate_check=1, duplicate_check_interval=60)
        await send(http, wecom, enable_duplicate_check=1, duplicate_check_interval=61)
        await send(http, wecom, enable_duplicate_check=1, duplicate_check_interval=61)
        assert len(wecom.inbox("zhangsan")) == 2


async def test_member_limit_drops_the_excess_silently(http: ClientSession) -> None:
    clock = Clock()
    async with simulated("wecom", clock=clock, fault="member-limit:per-minute=3") as wecom:
        for i in range(5):
            assert (await send(http, wecom, text={"content": f"{i}"}))["errcode"] == 0
        assert [s.text for s in wecom.inbox("zhangsan")] == ["0", "1", "2"]
        clock.now += 61
        await send(http, wecom)
        assert wecom.inbox("zhangsan")[-1].text == "hi"
        assert wecom.counters["vanished"] == 2


@pytest.mark.parametrize(
    ("fault", "errcode"), [("expired-token:after=1", 42001), ("invalid-token:after=1", 40014)]
)
async def test_a_token_that_dies_in_the_middle(http: ClientSession, fault: str, errcode: int) -> None:
    async with simulated("wecom", fault=fault) as wecom:
        token = (await gettoken(http, wecom))["access_token"]
        codes = [(await send(http, wecom, token=token))["errcode"] for _ in range(3)]
        assert codes == [0, errcode, errcode]
        assert (await send(http, wecom))["errcode"] == 0  # with a fresh one


async def test_error_codes_on_demand(http: ClientSession) -> None:
    async with simulated("wecom", fault=["45009:n=2@message/send", "silent-drop:after=1"]) as wecom:
        codes = [(await send(http, wecom))["errcode"] for _ in range(4)]
        assert codes == [45009, 45009, 0, 0]
        assert len(wecom.inbox("zhangsan")) == 1


async def test_statuses_garbage_and_lost_answers(http: ClientSession) -> None:
    async with simulated("wecom") as wecom:
        token = (await gettoken(http, wecom))["access_token"]
        url, text = f"{wecom.base_url}/cgi-bin/message/send?access_token={token}", {"content": "hi"}
        body = {"touser": "zhangsan", "msgtype": "text", "agentid": 1000002, "text": text}

        wecom.faults.set(["502:body=html"])
        async with http.post(url, json=body) as response:
            assert (response.status, response.content_type) == (502, "text/html")
        wecom.faults.set(["garbage"])
        async with http.post(url, json=body) as response:
            assert response.status == 200
            with pytest.raises(orjson.JSONDecodeError):
                orjson.loads(await response.read())
        wecom.faults.set(["drop"])
        with pytest.raises(ClientError):
            await http.post(url, json=body)
        assert not wecom.inbox("zhangsan")
        wecom.faults.set(["lost-answer"])
        with pytest.raises(ClientError):
            await http.post(url, json=body)
        assert len(wecom.inbox("zhangsan")) == 1
        wecom.faults.set(["hang"])
        with pytest.raises(TimeoutError):
            await http.post(url, json=body, timeout=ClientTimeout(total=0.05))
        wecom.faults.set(["slow:10ms"])
        async with http.post(url, json=body) as response:
            assert (await response.json())["errcode"] == 0


async def test_control_over_http(http: ClientSession) -> None:
    async with simulated("wecom") as wecom:
        control = f"{wecom.base_url}/_sim"
        async with http.put(f"{control}/faults", json={"faults": ["45009@message/send"], "seed": 3}) as r:
            assert (await r.json())["faults"][0]["spec"] == "45009@message/send"
        assert (await send(http, wecom))["errcode"] == 45009
        async with http.put(f"{control}/faults", json={"faults": ["bogus"]}) as r:
            assert (r.status, (await r.json())["kind"]) == (400, "config")
        async with http.put(f"{control}/faults", json={}) as r:
            assert await r.json() == {"faults": []}
        await send(http, wecom)
        async with http.get(f"{control}/users") as r:
            assert await r.json() == {"users": {"zhangsan": 1}}
        async with http.get(f"{control}/counters") as r:
            assert (await r.json())["shown"] == 1
        await http.post(f"{control}/reset")
        assert (wecom.counters["shown"], wecom.inbox("zhangsan")) == (0, [])
        async with http.get(f"{control}/nothing") as r:
            assert r.status == 404
        async with http.get(f"{control}/inbox") as r:
            assert r.status == 400
        async with http.get(control, headers={"Origin": "http://evil.example"}) as r:
            assert r.status == 403


async def test_expiring_tokens_by_hand(http: ClientSession) -> None:
    async with simulated("wecom") as wecom:
        token = (await gettoken(http, wecom))["access_token"]
        await http.post(f"{wecom.base_url}/_sim/expire-tokens")
        assert (await send(http, wecom, token=token))["errcode"] == 42001
