"""Rightly signed and encrypted callbacks around hostile content: each is stored, or refused and counted."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
import wecom_bot_samples as ai
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_wecom_callback import a_bot, envelope
from test_wecom_callback import signed as sealed

from mindbot.domain.message import Message
from mindbot.domain.ports.platform import WebhookRequest
from mindbot.platforms.wecom import incoming, wire
from mindbot.platforms.wecom_shared.crypto import OF_AI_BOT
from mindbot.platforms.wecombot import wire as ai_wire
from mindbot.testing.platforms import Inbox

pytestmark = pytest.mark.anyio
CALM = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

TEXT = st.text(st.characters(codec=None), max_size=8)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
NAMES = ("msgid", "from", "chattype", "chatid", "create_time", "response_url", "msgtype", "text", "quote")
TYPES = st.sampled_from(["text", "image", "mixed", "event", "voice", "stream", "file", "hologram"])
#: What gateways leave in texts as it is: controls, cut characters, noncharacters, ends of CDATA, entities.
ODD_BYTES = (
    *(b"a", b"\x00", b"\x1b[0m", b"\n", b"\xff", b"\xe4\xbd", b"\xed\xa0\xbd", b"\xef\xbf\xbe"),
    *(b"\xef\xbb\xbf", b"]]>", b"<b>", b"&#0;", b"&", b"&x;", b"\\\\ud83d", b"\\\\", "界".encode()),
)
BYTES = st.lists(st.sampled_from(ODD_BYTES), max_size=8).map(b"".join)


def stored_or_counted(status: int, inbox: Inbox, bot: Any) -> None:
    """Whatever came is one message that can be stored, or a refusal that is counted."""
    refused = bot.details().get("refused_callbacks", 0)
    assert (status, len(inbox.messages), refused) in [(200, 1, 0), (400, 0, 1), (200, 0, 0)]
    for message in inbox.messages:
        again = orjson.loads(orjson.dumps(message.to_json()))
        assert Message.from_json(again) == message


@given(TYPES, st.dictionaries(st.sampled_from(NAMES), VALUE, max_size=3), VALUE)
@CALM
def test_an_ai_bots_odd_fields_cost_those_fields(msgtype: str, odd: dict[str, Any], content: Any) -> None:
    body = {"msgid": "m1", "from": {"userid": "li"}, "chattype": "group", "chatid": "g", "msgtype": msgtype}
    body |= {msgtype: content} | odd

    async def run(folder: Path) -> None:
        inbox, bot = Inbox(), ai.a_bot(folder)
        answer = await bot.callback(ai.signed(json.dumps(body).encode()), inbox.receive)
        if body["msgtype"] == ai_wire.POLL:
            assert answer.status == 200
        else:
            stored_or_counted(answer.status, inbox, bot)
            assert inbox.messages or {"msgid", "from"} & odd.keys()

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(run, Path(folder))


@given(BYTES)
@CALM
def test_whatever_bytes_an_ai_bots_text_is_it_arrives(said: bytes) -> None:
    plain = b'{"msgid":"m1","from":{"userid":"li"},"msgtype":"text","text":{"content":"' + said + b'"}}'

    async def run(folder: Path) -> None:
        inbox, bot = Inbox(), ai.a_bot(folder)
        answer = await bot.callback(ai.signed(plain), inbox.receive)
        assert answer.status == 200 and inbox.messages[0].key == "m1"
        stored_or_counted(answer.status, inbox, bot)

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(run, Path(folder))


FIELDS = ("MsgType", "FromUserName", "CreateTime", "Content", "MsgId", "AgentID", "Event", "EventKey")


@given(BYTES, st.sampled_from(["text", "event", "file", "link"]), st.sampled_from(FIELDS), st.booleans())
@CALM
def test_whatever_bytes_a_push_holds_it_arrives(said: bytes, kind: str, name: str, cdata: bool) -> None:
    held = b"<![CDATA[" + said + b"]]>" if cdata else said.replace(b"<b>", b"")
    values = {
        "MsgType": kind.encode(),
        "FromUserName": b"li",
        "CreateTime": b"1700000000",
        "MsgId": b"1",
        name: held,
    }
    inner = b"".join(b"<%s>%s</%s>" % (k.encode(), v, k.encode()) for k, v in values.items())

    async def run() -> None:
        inbox, bot = Inbox(), a_bot()
        answer = await bot.callback(sealed(b"<xml>" + inner + b"</xml>"), inbox.receive)
        stored_or_counted(answer.status, inbox, bot)
        assert inbox.messages or name == "MsgType"

    anyio.run(run)


async def test_what_a_mistake_of_ours_cannot_read_is_kept_as_it_came(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def breaks(*_: Any) -> Any:
        raise TypeError("a defect")

    monkeypatch.setitem(incoming._ADDS, "view", breaks)
    monkeypatch.setattr(ai_wire, "_mixed", breaks)
    inbox = Inbox()
    push = b"<xml><MsgType>event</MsgType><Event>view</Event><FromUserName>li</FromUserName></xml>"
    assert (await a_bot().callback(sealed(push), inbox.receive)).status == 200
    body = {"msgid": "m1", "from": {"userid": "li"}, "msgtype": "mixed", "mixed": {}}
    assert (
        await ai.a_bot(tmp_path).callback(ai.signed(json.dumps(body).encode()), inbox.receive)
    ).status == 200
    assert [(m.sender, m.text) for m in inbox.messages] == [
        ("li", "[event: unreadable]"),
        ("li", "[unreadable]"),
    ]
    assert inbox.messages[0].raw == push.decode()


async def test_callbacks_of_the_other_product_are_named(tmp_path: Path) -> None:
    bot, app, inbox = ai.a_bot(tmp_path), a_bot(), Inbox()
    query = {"msg_signature": "s", "timestamp": "1", "nonce": "n"}
    xml = WebhookRequest("POST", "/", query, envelope("abc"))
    assert (await bot.callback(xml, inbox.receive)).status == 400
    assert "application" in bot.details()["last_refusal"]
    (found,) = [each for each in await bot.test() if each.name == "callbacks"]
    assert found.state == "failed" and "`wecom` bot" in found.mend
    boxed = WebhookRequest("POST", "/", query, b' {"encrypt": "abc"}')
    assert (await app.callback(boxed, inbox.receive)).status == 400
    assert "AI bot" in app.details()["last_refusal"]
    # Rightly signed for a bot without a receive id, as after one Token and key were entered twice.
    assert (await app.callback(sealed(b"<xml/>", receiver=""), inbox.receive)).status == 403
    assert app._endpoint.health.check("", "", "").mend == OF_AI_BOT
    inner = await bot.callback(ai.signed(b"<xml><MsgType>text</MsgType></xml>"), inbox.receive)
    assert inner.status == 400 and "XML" in bot.details()["last_refusal"]
    assert not inbox.messages


async def test_no_memory_asks_for_the_callback_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def none(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(wire, "parse_xml", none)
    monkeypatch.setattr("mindbot.domain.plain.loads", none)
    assert (await a_bot().callback(sealed(b"<xml/>"), Inbox().receive)).status == 503
    assert (await ai.a_bot(tmp_path).callback(ai.signed(b"{}"), Inbox().receive)).status == 503
