"""Callbacks of AI bots: verified, decrypted, answered sealed; ten thousand others are refused."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr
from wecom_bot_samples import NOW, V4, a_bot, a_callback, query, signed

from mindbot.domain.errors import Rejected, SecretError, StoreFull
from mindbot.domain.ports.platform import Platform, Webhook, WebhookRequest
from mindbot.platforms.wecom_shared.crypto import Crypto
from mindbot.platforms.wecombot.media import decryption
from mindbot.testing.platforms import HealthReports, Inbox, running

pytestmark = pytest.mark.anyio


def opened(body: bytes) -> dict[str, object]:
    """Read an answer as WeCom does."""
    sealed = json.loads(body)
    crypto = Crypto(V4.token, V4.key, "")
    crypto.check(sealed["msgsignature"], str(sealed["timestamp"]), sealed["nonce"], sealed["encrypt"])
    found: dict[str, object] = json.loads(crypto.decrypt(sealed["encrypt"]))
    return found


async def test_the_recorded_callback_is_stored_and_answered_with_a_stream(tmp_path: Path) -> None:
    inbox, bot = Inbox(), a_bot(tmp_path)
    assert isinstance(bot, Platform) and isinstance(bot, Webhook)
    answer = await bot.callback(a_callback(), inbox.receive)
    assert answer.status == 200 and answer.content_type == "application/json"
    (message,) = inbox.messages
    assert (message.key, message.text, message.sender) == ("MSGID1", "你好", "zhangsan")
    stream = opened(answer.body)["stream"]
    assert isinstance(stream, dict)
    assert (stream["finish"], stream["content"]) == (False, "…")


async def test_url_verification_answers_the_bare_echo_and_reads_no_recorded_callback(tmp_path: Path) -> None:
    bot = a_bot(tmp_path)
    echo = signed(b"1616140317555161061")
    asked = WebhookRequest("GET", "/", {**echo.query, "echostr": json.loads(echo.body)["encrypt"]}, b"")
    answer = await bot.callback(asked, Inbox().receive)
    assert (answer.status, answer.body) == (200, b"1616140317555161061")
    replay = WebhookRequest("GET", "/", query(V4, echostr=V4.encrypted), b"")
    answer = await bot.callback(replay, Inbox().receive)
    assert answer.status == 400 and "你好".encode() not in answer.body


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (WebhookRequest("POST", "/", query(V4, msg_signature="0" * 40), a_callback().body), 403),
        (WebhookRequest("POST", "/", query(V4, nonce="x"), a_callback().body), 403),
        (WebhookRequest("POST", "/", {}, a_callback().body), 400),
        (WebhookRequest("POST", "/", query(V4), b""), 400),
        (WebhookRequest("POST", "/", query(V4), b"[]"), 400),
        (WebhookRequest("POST", "/", query(V4), b'{"encrypt": 7}'), 400),
        (WebhookRequest("POST", "/", query(V4), b"[" * 100_000), 400),
        (WebhookRequest("POST", "/", query(V4), b"x" * ((1 << 20) + 1)), 413),
        (WebhookRequest("PUT", "/", query(V4), a_callback().body), 405),
        (signed(b"{}", at=NOW - 301), 403),
        (signed(b"{}", at=NOW + 301), 403),
        (signed(b"{}", receiver="ww_somebody_else"), 403),
        (signed(b"{}"), 400),
        (signed(b"no json"), 400),
        (signed(b'["a list"]'), 400),
    ],
)
async def test_what_is_no_callback_is_refused(request_: WebhookRequest, status: int, tmp_path: Path) -> None:
    inbox = Inbox()
    answer = await a_bot(tmp_path).callback(request_, inbox.receive)
    assert answer.status == status and not inbox.messages


async def test_ten_thousand_broken_callbacks_are_refused_without_a_crash(tmp_path: Path) -> None:
    inbox, bot, chance = Inbox(), a_bot(tmp_path), random.Random(7)
    sound, plain = a_callback(), V4.plain
    for n in range(10_000):
        body = bytearray(sound.body if n % 2 else plain)
        for _ in range(chance.randrange(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        if n % 3 == 0:
            del body[chance.randrange(len(body)) :]
        broken = sound.query if n % 2 else signed(b"x").query
        answer = await bot.callback(WebhookRequest("POST", "/", broken, bytes(body)), inbox.receive)
        assert answer.status in (400, 403) or bytes(body) == sound.body
    assert all(message.key == "MSGID1" for message in inbox.messages)


async def test_garbage_that_is_rightly_signed_is_refused_or_kept_raw(tmp_path: Path) -> None:
    inbox, bot, chance = Inbox(), a_bot(tmp_path), random.Random(7)
    plain = V4.plain
    for _ in range(1000):
        body = bytearray(plain)
        for _ in range(chance.randrange(1, 6)):
            body[chance.randrange(len(body))] = chance.choice(b'{}[]",:019ax\\u \x80')
        answer = await bot.callback(signed(bytes(body)), inbox.receive)
        assert answer.status in (200, 400)
    for message in inbox.messages:
        json.dumps(message.to_json()).encode()


async def test_what_is_not_on_disk_is_not_answered(tmp_path: Path) -> None:
    inbox = Inbox()
    inbox.error = StoreFull("disk full")
    assert (await a_bot(tmp_path).callback(a_callback(), inbox.receive)).status == 503
    inbox.error = None
    inbox.hold()
    assert (await a_bot(tmp_path, ack_within=0.01).callback(a_callback(), inbox.receive)).status == 503


async def test_missing_secrets_are_told_and_nothing_is_taken(tmp_path: Path) -> None:
    class Locked:
        async def aget(self, value: SecretStr, /) -> str:
            raise SecretError("no secret wecombot-token", hint="mindbot secret set wecombot-token")

    health, inbox = HealthReports(), Inbox()
    bot = a_bot(tmp_path, secrets=Locked())
    bot._report = health.report
    assert (await bot.callback(a_callback(), inbox.receive)).status == 503
    state, reason = health.reports[-1]
    assert state == "failed" and reason.startswith("needs credentials")
    (check, _) = await bot.test()
    assert check.state == "failed" and "secret set" in check.mend


async def test_a_callback_under_way_while_the_secrets_are_read_anew_is_answered_with_the_old(
    tmp_path: Path,
) -> None:
    class Changing:
        token = V4.token

        async def aget(self, value: SecretStr, /) -> str:
            return self.token if value.get_secret_value() == V4.token else V4.key

    secrets, inbox, answers = Changing(), Inbox(), []
    bot = a_bot(tmp_path, secrets=secrets)
    inbox.hold()

    async def call() -> None:
        answers.append(await bot.callback(a_callback(), inbox.receive))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await inbox.entered.wait()
        secrets.token = "another"
        async with running(bot, inbox, HealthReports()):
            assert (await bot.callback(a_callback(), inbox.receive)).status == 403
            inbox.release()
    assert answers[0].status == 200 and opened(answers[0].body)["msgtype"] == "stream"


#: A file as users send it: its key is 00 … 1f.
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
CIPHER = base64.b64decode("Et/xoZxZznIzSr3qjkv6c/Z8qf4SHPWqPfweXtmc6zE=")


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for n in range(0, len(data), size):
        yield data[n : n + size]


@pytest.mark.parametrize("size", [1, 16, 31, 32, 1000])
async def test_the_recorded_file_is_decrypted_whatever_its_pieces(size: int) -> None:
    for key in (KEY, KEY.rstrip("=")):
        found = [p async for p in decryption(key)(pieces(CIPHER, size))]
        assert b"".join(found) == b"hello wecom media"


@pytest.mark.parametrize("cipher", [b"", b"x", b"x" * 17, b"x" * 64, b"\0" * 32])
async def test_a_file_that_is_not_what_its_key_decrypts_is_refused(cipher: bytes) -> None:
    with pytest.raises(Rejected):
        [p async for p in decryption(KEY)(pieces(cipher, 8))]


def test_a_key_that_is_none_is_refused() -> None:
    for key in ("", "short", "好" * 43, "=" * 44):
        with pytest.raises(Rejected):
            decryption(key)
