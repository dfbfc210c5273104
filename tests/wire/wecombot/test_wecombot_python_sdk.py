"""The official Python SDK (PyPI wecom-aibot-python-sdk) judges the simulator, and its crypto our adapter."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aibot.api
import aibot.ws
import pytest
import trustme
from aibot import WSClient, WSClientOptions
from aibot.crypto_utils import decrypt_file

from mindbot.platforms.wecombot.media import decryption
from mindbot.sim.testing import simulated
from mindbot.sim.wecombot.people import encrypted
from mindbot.sim.wecombot.server import WeComBotSimulator
from mindbot.testing.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


class Quiet:
    """The SDK's logger; keeps what went wrong."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def debug(self, message: str, *args: Any) -> None: ...

    def info(self, message: str, *args: Any) -> None: ...

    def warn(self, message: str, *args: Any) -> None:
        self.errors.append(message)

    error = warn


@asynccontextmanager
async def sdk(
    monkeypatch: pytest.MonkeyPatch, **changed: Any
) -> AsyncIterator[tuple[WeComBotSimulator, WSClient, Quiet]]:
    """Run the SDK against a simulator with TLS: it speaks nothing else."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    monkeypatch.setattr(aibot.ws, "_SSL_CONTEXT", trusting)
    monkeypatch.setattr(aibot.api, "_SSL_CONTEXT", trusting)
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    async with simulated("wecombot", strict=True, tls=server) as far:
        log = Quiet()
        options = WSClientOptions(
            bot_id=far.settings.bot_id,
            secret=far.settings.secret,
            ws_url=far.wss_url,
            reconnect_interval=50,
            logger=log,
            **changed,
        )
        client = WSClient(options)
        ready = asyncio.Event()
        client.on("authenticated", ready.set)
        await client.connect()
        await asyncio.wait_for(ready.wait(), 10)
        try:
            yield far, client, log
        finally:
            client.disconnect()
            await until(lambda: not far.gateway.live)


async def test_it_subscribes_pings_receives_and_answers_with_a_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with sdk(monkeypatch, heartbeat_interval=100) as (far, client, log):

        @client.on("message.text")
        async def answer(frame: dict[str, Any]) -> None:
            text = frame["body"]["text"]["content"]
            await client.reply_stream(frame, "s1", text[:3], feedback={"id": "fb"})
            await client.reply_stream(frame, "s1", f"sdk: {text}", finish=True)

        assert (await far.push_text("li", "hello")).acked
        await until(lambda: [m.text for m in far.inbox("li")] == ["sdk: hello"])
        assert far.screens.bubbles["li", "s1"].frames == ["hel", "sdk: hello"]
        await until(lambda: far.counters["ping"] >= 2)
        assert not log.errors


async def test_it_welcomes_updates_cards_and_sends_of_its_own_accord(monkeypatch: pytest.MonkeyPatch) -> None:
    card = {
        "card_type": "button_interaction",
        "main_title": {"title": "Shall we?"},
        "button_list": [{"text": "Yes", "key": "yes"}],
        "task_id": "t1",
    }
    async with sdk(monkeypatch) as (far, client, _):

        @client.on("event.enter_chat")
        async def welcome(frame: dict[str, Any]) -> None:
            await client.reply_welcome(frame, {"msgtype": "text", "text": {"content": "Welcome!"}})

        @client.on("event.template_card_event")
        async def update(frame: dict[str, Any]) -> None:
            await client.update_template_card(frame, {**card, "main_title": {"title": "Thanks"}})

        await far.enter("li")
        await until(lambda: [m.text for m in far.inbox("li")] == ["Welcome!"])
        await client.send_message("li", {"msgtype": "template_card", "template_card": card})
        await client.send_message("li", {"msgtype": "markdown", "markdown": {"content": "**hi**"}})
        await far.press("li", "t1", "yes")
        await until(lambda: any(m.text.startswith("Thanks") for m in far.inbox("li")))
        assert [m.via for m in far.inbox("li")] == ["welcome", "send", "send"]
        with pytest.raises(RuntimeError, match="errcode=93006"):
            await client.send_message("stranger", {"msgtype": "markdown", "markdown": {"content": "hi"}})


async def test_it_uploads_and_downloads_what_the_simulator_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    async with sdk(monkeypatch) as (far, client, _):
        received: list[bytes] = []

        @client.on("message.file")
        async def fetch(frame: dict[str, Any]) -> None:
            file = frame["body"]["file"]
            content, name = await client.download_file(file["url"], file["aeskey"])
            assert name == "报告.pdf"
            received.append(content)

        await far.say("li", "file", {"file": far.offer(b"%PDF" + b"x" * 1000, "报告.pdf")})
        await until(lambda: received == [b"%PDF" + b"x" * 1000])
        # The SDK has no upload of its own: its frames carry one all the same.
        manager = client._ws_manager
        content = b"x" * 600_000
        begin = {"type": "file", "filename": "a.bin", "total_size": len(content), "total_chunks": 2}
        begun = await manager.send_reply("u1", begin, "aibot_upload_media_init")
        upload = begun["body"]["upload_id"]
        for n in (1, 0, 1):  # in any order, and repeated
            piece = content[n * 524_288 : (n + 1) * 524_288]
            chunk = {"upload_id": upload, "chunk_index": n, "base64_data": base64.b64encode(piece).decode()}
            await manager.send_reply(f"u2{n}", chunk, "aibot_upload_media_chunk")
        done = await manager.send_reply("u3", {"upload_id": upload}, "aibot_upload_media_finish")
        file = {"msgtype": "file", "file": {"media_id": done["body"]["media_id"]}}
        await client.send_message("li", file)
        assert far.inbox("li")[-1].msgtype == "file"


async def test_it_comes_back_after_the_connection_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    async with sdk(monkeypatch) as (far, _, _log):
        for connection in list(far.gateway.connections):
            connection.abort()
        await until(lambda: far.counters["aibot_subscribe"] == 2 and far.gateway.live)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 31, 32, 33, 100_000])
async def test_files_are_decrypted_as_the_sdk_does(size: int) -> None:
    key, content = bytes(range(32)), bytes(n % 251 for n in range(size))
    cipher, text = encrypted(content, key), base64.b64encode(key).decode()

    async def chunks() -> AsyncIterator[bytes]:
        for n in range(0, len(cipher), 1000):
            yield cipher[n : n + 1000]

    ours = b"".join([piece async for piece in decryption(text)(chunks())])
    assert ours == decrypt_file(cipher, text) == content
