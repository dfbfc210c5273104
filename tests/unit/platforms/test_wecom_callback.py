"""Callbacks: verified, decrypted, stored, and only then acknowledged; anything else gets a clear refusal."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from wechatpy.enterprise.crypto import WeChatCrypto
from wecom_vectors import BY_NAME, Vector

from mindbot.domain.errors import SecretError, StoreFull
from mindbot.domain.ports.platform import Platform, Webhook, WebhookRequest
from mindbot.http.client import HttpClient
from mindbot.platforms.wecom.adapter import WeComPlatform
from mindbot.platforms.wecom.settings import WeComSettings
from mindbot.platforms.wecom_shared.crypto import Crypto
from mindbot.testing.platforms import HealthReports, Inbox, a_host

pytestmark = pytest.mark.anyio

V1 = BY_NAME["V1"]
NOW = 1700000001.0
NOWHERE = Path("/nonexistent")  # nothing here touches media


def a_bot(
    vector: Vector = V1, *, now: float = NOW, secrets: object = None, ack_within: float = 4.5, **more: object
) -> WeComPlatform:
    section = WeComSettings(
        corpid=vector.receive_id,
        secret=SecretStr("s"),
        token=SecretStr(vector.token),
        encoding_aes_key=SecretStr(vector.key),
        **more,
    )
    host = replace(a_host(HttpClient(), Inbox(), NOWHERE), **({"secrets": secrets} if secrets else {}))
    return WeComPlatform(section, "hr", host, clock=lambda: now, ack_within=ack_within)


def query(vector: Vector, **more: str) -> dict[str, str]:
    return {"msg_signature": vector.signature, "timestamp": vector.timestamp, "nonce": vector.nonce, **more}


def envelope(encrypted: str) -> bytes:
    return (
        f"<xml><ToUserName><![CDATA[corp]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
        "<AgentID><![CDATA[1000002]]></AgentID></xml>"
    ).encode()


def a_push(vector: Vector = V1) -> WebhookRequest:
    return WebhookRequest("POST", "/wecom/hr/callback", query(vector), envelope(vector.encrypted))


def signed(
    plain: bytes, *, receiver: str = V1.receive_id, at: float = NOW, nonce: str = "n"
) -> WebhookRequest:
    crypto = Crypto(V1.token, V1.key, receiver)
    encrypted = crypto.encrypt(plain)
    signature = crypto.sign(str(int(at)), nonce, encrypted)
    params = {"msg_signature": signature, "timestamp": str(int(at)), "nonce": nonce}
    return WebhookRequest("POST", "/", params, envelope(encrypted))


def a_verification(vector: Vector) -> WebhookRequest:
    return WebhookRequest("GET", "/", query(vector, echostr=vector.encrypted), b"")


def test_it_is_a_platform_and_a_webhook() -> None:
    bot = a_bot(port=2290)
    assert isinstance(bot, Platform)
    assert isinstance(bot, Webhook)
    assert (bot.name, bot.bot, bot.port) == ("wecom", "hr", 2290)


@pytest.mark.parametrize("name", ["O2", "V2"])
async def test_url_verification_answers_the_bare_echo(name: str) -> None:
    vector = BY_NAME[name]
    bot = a_bot(vector, now=float(vector.timestamp))
    answer = await bot.callback(a_verification(vector), Inbox().receive)
    assert (answer.status, answer.body) == (200, vector.plain)
    assert answer.content_type.startswith("text/plain")


async def test_a_recorded_push_cannot_be_read_back_as_a_verification() -> None:
    answer = await a_bot().callback(a_verification(V1), Inbox().receive)
    assert answer.status == 400
    assert b"world" not in answer.body


@pytest.mark.parametrize(("name", "text"), [("O1", "hello"), ("V1", "你好，world")])
async def test_a_push_is_stored_and_acknowledged_empty(name: str, text: str) -> None:
    vector, inbox = BY_NAME[name], Inbox()
    answer = await a_bot(vector, now=float(vector.timestamp)).callback(a_push(vector), inbox.receive)
    assert (answer.status, answer.body) == (200, b"")
    assert [message.text for message in inbox.messages] == [text]


async def test_what_wechatpy_signs_and_encrypts_is_received() -> None:
    inbox = Inbox()
    crypto = WeChatCrypto(V1.token, V1.key, V1.receive_id)
    body = crypto.encrypt_message(V1.plain.decode(), "n", str(int(NOW)))
    signature = body.split("<MsgSignature><![CDATA[")[1][:40]
    params = {"msg_signature": signature, "timestamp": str(int(NOW)), "nonce": "n"}
    answer = await a_bot().callback(WebhookRequest("POST", "/", params, body.encode()), inbox.receive)
    assert answer.status == 200
    assert inbox.messages[0].sender == "zhangsan"


async def test_repeats_are_acknowledged_with_the_same_key() -> None:
    inbox, bot = Inbox(), a_bot()
    for _ in range(5):
        assert (await bot.callback(a_push(), inbox.receive)).status == 200
    assert (await bot.callback(signed(V1.plain, nonce="another"), inbox.receive)).status == 200
    assert len({message.key for message in inbox.messages}) == 1


async def test_unknown_types_are_kept_raw_and_acknowledged() -> None:
    inbox = Inbox()
    plain = b"<xml><FromUserName>u</FromUserName><MsgType>hologram</MsgType><MsgId>9</MsgId><X>1</X></xml>"
    assert (await a_bot().callback(signed(plain), inbox.receive)).status == 200
    assert inbox.messages[0].kind == "hologram"
    assert inbox.messages[0].raw == plain.decode()


async def test_agent_id_comes_from_the_callback_even_when_settings_say_another() -> None:
    inbox = Inbox()
    await a_bot(agent_id=7).callback(a_push(), inbox.receive)
    assert inbox.messages[0].reply_to["agentid"] == 1000002


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (replace(a_push(), query=query(V1, msg_signature="0" * 40)), 403),
        (replace(a_push(), query=query(V1, nonce="other")), 403),
        (replace(a_push(), query=query(V1, timestamp="1700000002")), 403),
        (replace(a_push(), body=envelope(V1.encrypted[:-8])), 403),
        (signed(V1.plain, receiver="ww_somebody_else"), 403),
        (signed(V1.plain, at=NOW - 86_400), 403),
        (signed(V1.plain, at=NOW + 3600), 403),
        (signed(b"no xml"), 400),
        (signed(b'<!DOCTYPE x [<!ENTITY a "b">]><xml><MsgType>&a;</MsgType></xml>'), 400),
        (replace(a_push(), body=b""), 400),
        (replace(a_push(), body=b"<xml>"), 400),
        (replace(a_push(), body=b"<xml><Encrypt></Encrypt></xml>"), 400),
        (replace(a_push(), body=b"<xml><Encrypt><a/></Encrypt></xml>"), 400),
        (replace(a_push(), body=b'{"encrypt": "x"}'), 400),
        (replace(a_push(), body=b'<!DOCTYPE x [<!ENTITY a "b">]>' + a_push().body), 400),
        (replace(a_push(), body=b"x" * (1024 * 1024 + 1)), 413),
        (replace(a_push(), query={}), 400),
        (replace(a_push(), query=query(V1, nonce="")), 400),
        (WebhookRequest("GET", "/", query(V1), b""), 400),
        (WebhookRequest("GET", "/", {}, b""), 400),
        (WebhookRequest("PUT", "/", {}, b""), 405),
        (WebhookRequest("HEAD", "/", {}, b""), 405),
    ],
    ids=[
        *("signature", "nonce", "timestamp", "ciphertext", "receiver", "yesterday", "in-an-hour"),
        *("no-xml", "dtd", "empty", "cut", "no-encrypt", "nested-encrypt", "json", "outer-dtd"),
        *("huge", "no-query", "empty-nonce", "no-echostr", "get-nothing", "put", "head"),
    ],
)
async def test_bad_requests_are_refused_and_nothing_is_stored(request_: WebhookRequest, status: int) -> None:
    inbox = Inbox()
    answer = await a_bot().callback(request_, inbox.receive)
    assert answer.status == status
    assert answer.body
    assert not inbox.messages


async def test_undecryptable_though_rightly_signed_is_a_bad_request() -> None:
    crypto = Crypto(V1.token, V1.key, V1.receive_id)
    params = {
        "msg_signature": crypto.sign(str(int(NOW)), "n", "AAAA"),
        "timestamp": str(int(NOW)),
        "nonce": "n",
    }
    answer = await a_bot().callback(WebhookRequest("POST", "/", params, envelope("AAAA")), Inbox().receive)
    assert answer.status == 400


@pytest.mark.parametrize(("age", "status"), [(299, 200), (301, 403), (-299, 200), (-301, 403)])
async def test_the_window_is_five_minutes_both_ways(age: int, status: int) -> None:
    answer = await a_bot().callback(signed(V1.plain, at=NOW - age), Inbox().receive)
    assert answer.status == status


async def test_the_window_is_a_setting() -> None:
    answer = await a_bot(timestamp_window=10).callback(signed(V1.plain, at=NOW - 60), Inbox().receive)
    assert answer.status == 403


@pytest.mark.parametrize("error", [StoreFull("disk full"), RuntimeError("a bug")], ids=["store", "bug"])
async def test_no_ack_when_the_message_is_not_on_disk(error: Exception) -> None:
    inbox = Inbox()
    inbox.error = error
    answer = await a_bot().callback(a_push(), inbox.receive)
    assert answer.status == 503
    assert b"bug" not in answer.body


async def test_no_ack_once_wecom_has_hung_up() -> None:
    inbox = Inbox()
    inbox.hold()
    assert (await a_bot(ack_within=0.0).callback(a_push(), inbox.receive)).status == 503


async def test_a_push_waits_for_the_store() -> None:
    inbox = Inbox()
    inbox.hold()
    done = []

    async def push() -> None:
        done.append((await a_bot().callback(a_push(), inbox.receive)).status)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(push)
        await anyio.wait_all_tasks_blocked()
        assert not done
        inbox.release()
    assert done == [200]


class NoSecrets:
    async def aget(self, value: SecretStr, /) -> str:
        raise SecretError("keyring:wecom is not there", hint="mindbot secret set wecom")


async def test_without_credentials_wecom_is_asked_to_come_back() -> None:
    answer = await a_bot(secrets=NoSecrets()).callback(a_push(), Inbox().receive)
    assert answer.status == 503
    unusable = replace(V1, key="short")
    assert (await a_bot(unusable).callback(a_push(), Inbox().receive)).status == 503


async def test_run_says_which_credential_is_missing() -> None:
    health = HealthReports()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(a_bot(secrets=NoSecrets()).run, Inbox().receive, health.report)
        reason = await health.until("failed")
        tasks.cancel_scope.cancel()
    assert "needs credentials" in reason
    assert "mindbot secret set wecom" in reason


ALLOWED = {200, 400, 403, 405, 413, 503}
GARBAGE = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=100).map(lambda t: f"<xml><Encrypt>{t}</Encrypt></xml>".encode("utf-8", "replace")),
    st.binary(max_size=100).map(lambda b: b"<xml><Encrypt><![CDATA[" + b + b"]]></Encrypt></xml>"),
)
QUERIES = st.dictionaries(
    st.sampled_from(["msg_signature", "timestamp", "nonce", "echostr", "x"]),
    st.text(st.characters(), max_size=60),
)


async def check_garbage(method: str, params: Mapping[str, str], body: bytes, sign: bool) -> None:
    """Whatever comes: an allowed status, no exception, and nothing stored unless rightly signed."""
    inbox = Inbox()
    request = signed(body) if sign else WebhookRequest(method, "/", params, body)
    answer = await a_bot().callback(request, inbox.receive)
    assert answer.status in ALLOWED - {503}
    assert (answer.status == 200) == bool(inbox.messages)


PIECES = (
    *(b"<xml>", b"</xml>", b"<MsgType>", b"</MsgType>", b"text", b"event", b"<Content>", b"</Content>"),
    *(b"&", b"&#1;", b"<![CDATA[", b"]]>", b"\x00", b"\xff", "你".encode(), b"<!DOCTYPE a>"),
    *(b"<FromUserName>u</FromUserName>", b"<MsgId>1</MsgId>"),
)
FRAGMENTS = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


@settings(max_examples=60)
@given(st.sampled_from(["GET", "POST", "DELETE"]), QUERIES, GARBAGE | FRAGMENTS, st.booleans())
def test_garbage(method: str, params: dict[str, str], body: bytes, sign: bool) -> None:
    anyio.run(check_garbage, method, params, body, sign)


@pytest.mark.full
@settings(max_examples=5000, deadline=None)
@given(st.sampled_from(["GET", "POST", "DELETE"]), QUERIES, GARBAGE | FRAGMENTS, st.booleans())
def test_garbage_at_length(method: str, params: dict[str, str], body: bytes, sign: bool) -> None:
    anyio.run(check_garbage, method, params, body, sign)


def test_the_default_clock_is_the_wall_clock() -> None:
    section = WeComSettings(
        corpid=V1.receive_id,
        secret=SecretStr("s"),
        token=SecretStr(V1.token),
        encoding_aes_key=SecretStr(V1.key),
    )
    bot = WeComPlatform(section, "hr", a_host(HttpClient(), Inbox(), NOWHERE))
    inbox = Inbox()
    assert anyio.run(bot.callback, signed(V1.plain, at=time.time()), inbox.receive).status == 200
