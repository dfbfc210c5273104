"""Media, contacts, limits and samples of the WeCom simulator."""

import base64
from typing import Any

import pytest
from aiohttp import ClientSession, FormData
from test_sim_wecom_api import Clock, gettoken, send

from mindbot.sim.testing import simulated
from mindbot.sim.wecom.quotas import ApiRules
from mindbot.sim.wecom.send import SendRules
from mindbot.sim.wecom.server import WeComSimulator

pytestmark = pytest.mark.anyio
Json = dict[str, Any]

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 50


async def upload(
    http: ClientSession, wecom: WeComSimulator, kind: str, content: bytes, name: str = "a.bin", **more: str
) -> Json:
    form = FormData(quote_fields=False)
    form.add_field(more.get("field", "media"), content, filename=name, content_type="text/plain")
    token = (await gettoken(http, wecom))["access_token"]
    query = {"access_token": token, "type": kind}
    async with http.post(f"{wecom.base_url}/cgi-bin/media/upload", params=query, data=form) as response:
        return dict(await response.json())


async def get(
    http: ClientSession,
    wecom: WeComSimulator,
    call: str,
    secret: str = "",
    headers: Json | None = None,
    **query: str,
) -> tuple[Any, bytes]:
    token = (await gettoken(http, wecom, **({"corpsecret": secret} if secret else {})))["access_token"]
    url = f"{wecom.base_url}/cgi-bin/{call}"
    async with http.get(url, params={"access_token": token, **query}, headers=headers) as response:
        return response, await response.read()


async def test_what_was_uploaded_comes_back_for_three_days(http: ClientSession) -> None:
    clock = Clock()
    async with simulated("wecom", clock=clock, token_ttl=1e6) as wecom:
        made = await upload(http, wecom, "image", PNG, "图.png")
        id = made["media_id"]
        assert (made["errcode"], made["type"]) == (0, "image")
        assert made["created_at"].isdigit()
        response, body = await get(http, wecom, "media/get", media_id=id)
        assert body == PNG
        assert response.content_disposition.filename == "图.png"
        response, body = await get(http, wecom, "media/get", media_id=id, headers={"Range": "bytes=1-3"})
        assert (response.status, body) == (206, b"PNG")
        assert (await send(http, wecom, msgtype="image", image={"media_id": id}))["errcode"] == 0
        assert (await send(http, wecom, msgtype="voice", voice={"media_id": id}))["errcode"] == 40007
        clock.now += 3 * 86_400
        response, body = await get(http, wecom, "media/get", media_id=id)
        assert (await response.json())["errcode"] == 40007
        assert (await send(http, wecom, msgtype="image", image={"media_id": id}))["errcode"] == 40007


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("poster", PNG, 40004),
        ("image", b"GIF89a" + b"x" * 20, 40005),
        ("image", PNG + b"x" * (10 << 20), 40009),
        ("voice", b"OggS....", 40005),
        ("voice", b"#!AMR\n" + b"x" * (2 << 20), 40006),
        ("video", b"RIFF....", 40005),
        ("file", b"x" * ((20 << 20) + 1), 40006),
        ("file", b"tiny!", 40006),
        ("file", b"", 44001),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else str(value),
)
async def test_uploads_that_are_refused(http: ClientSession, kind: str, content: bytes, code: int) -> None:
    async with simulated("wecom") as wecom:
        assert (await upload(http, wecom, kind, content))["errcode"] == code


async def test_an_upload_needs_a_part_named_media(http: ClientSession) -> None:
    async with simulated("wecom") as wecom:
        assert (await upload(http, wecom, "file", b"content", field="file"))["errcode"] == 41005


async def test_members_and_departments(http: ClientSession) -> None:
    async with simulated("wecom", strict=True) as wecom:
        wecom.staff.profiles["li"] = {"name": "李", "position": "Boss"}
        wecom.staff.unseen.add("hidden")

        async def ask(call: str, **query: str) -> Json:
            return dict(await (await get(http, wecom, call, **query))[0].json())

        li = await ask("user/get", userid="li")
        assert (li["name"], li["position"], li["main_department"]) == ("李", "Boss", 7)
        assert (await ask("user/get", userid="nobody"))["errcode"] == 60111
        assert (await ask("user/get", userid="hidden"))["errcode"] == 60011
        assert (await ask("user/get"))["errcode"] == 41009
        assert (await ask("department/get", id="7"))["department"]["name"] == "研发部 (R&D)"
        assert (await ask("department/get", id="70"))["errcode"] == 60003
        wecom.phones.join("li")
        assert [u["userid"] for u in (await ask("user/simplelist", department_id="7"))["userlist"]] == ["li"]
        contacts = wecom.settings.contacts_secret
        assert (await ask("user/get", userid="li", secret=contacts))["errcode"] == 0
        assert (await ask("agent/get", agentid="1000002", secret=contacts))["errcode"] == 48002
        assert (await ask("agent/get", agentid="1000003"))["errcode"] == 301002
        assert (await ask("agent/get", agentid="1000002"))["close"] == 0
        async with http.put(f"{wecom.base_url}/_sim/staff", json={"blocked": True}) as r:
            assert (await r.json())["blocked"] is True
        assert (await ask("user/get", userid="li", secret=contacts))["errcode"] == 48009


async def test_more_than_thirty_a_minute_vanish_when_it_is_strict(http: ClientSession) -> None:
    clock = Clock()
    async with simulated("wecom", strict=True, clock=clock, token_ttl=1e6) as wecom:
        for n in range(32):
            assert (await send(http, wecom, text={"content": f"{n}"}))["errcode"] == 0
        assert (len(wecom.inbox("zhangsan")), wecom.counters["vanished"]) == (30, 2)
        clock.now += 61
        await send(http, wecom)
        assert len(wecom.inbox("zhangsan")) == 31
    async with simulated("wecom", clock=clock, send=SendRules(per_hour=2), token_ttl=1e6) as wecom:
        for wait in (0, 61, 61, 3600):
            clock.now += wait
            await send(http, wecom)
        assert (len(wecom.inbox("zhangsan")), wecom.counters["vanished"]) == (3, 1)


async def test_counted_limits_and_addresses(http: ClientSession) -> None:
    clock = Clock()
    async with simulated("wecom", clock=clock, api=ApiRules(per_minute=2)) as wecom:
        assert [(await send(http, wecom))["errcode"] for _ in range(4)] == [0, 0, 45009, 45009]
        clock.now += 60
        assert (await send(http, wecom))["errcode"] == 0
        rules = {"api": {"per_minute": 0, "trusted_ips": ["203.0.113.7"]}, "send": {"per_minute": 5}}
        async with http.put(f"{wecom.base_url}/_sim/rules", json=rules) as r:
            assert (await r.json())["send"]["per_minute"] == 5
        refused = await send(http, wecom)
        assert refused["errcode"] == 60020
        assert "from ip: 127.0.0.1" in refused["errmsg"]


async def test_an_unknown_sample_names_those_there_are(http: ClientSession) -> None:
    async with simulated("wecom", callback_url="http://127.0.0.1:1/") as wecom:
        push = f"{wecom.base_url}/_sim/push"
        async with http.post(push, json={"user": "li", "sample": "dance"}) as r:
            assert r.status == 404
            assert "scancode_push" in (await r.json())["message"]
        content = base64.b64encode(b"a document").decode()
        file = {"user": "li", "msgtype": "file", "base64": content, "name": "a.txt"}
        async with http.post(push, json=file) as r:
            assert (await r.json())["acked"] is False  # nobody listens there
