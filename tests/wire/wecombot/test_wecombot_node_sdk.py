"""The official Node SDK (npm @wecom/aibot-node-sdk 1.0.7) judges the simulator and the adapter's crypto."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.streams.text import TextReceiveStream
from wecom_bot_vectors import M1, V4

from mindbot.platforms.wecom_shared.crypto import Crypto
from mindbot.sim.testing import simulated
from mindbot.sim.wecombot.server import WeComBotSimulator
from mindbot.testing.waiting import until

MODULES = Path(__file__).parents[3] / ".venv" / "node" / "node_modules"
CLIENT = Path(__file__).with_name("official_client.cjs")
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(
        NODE is None or not (MODULES / "@wecom" / "aibot-node-sdk").is_dir(),
        reason="the Node SDK is not installed: `make test` does it where there is npm",
    ),
]


def command(*arguments: str) -> list[str]:
    assert NODE is not None
    return [NODE, str(CLIENT), *arguments]


def environment() -> dict[str, str]:
    return os.environ | {"NODE_PATH": str(MODULES), "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}


@asynccontextmanager
async def sdk() -> AsyncIterator[tuple[WeComBotSimulator, list[str]]]:
    """Run the SDK against a simulator; yields what it prints as well."""
    said: list[str] = []

    async def listen(out: TextReceiveStream) -> None:
        async for text in out:
            said.extend(text.split())

    async with simulated("wecombot", strict=True) as far:
        start = command(far.ws_url, far.settings.bot_id, far.settings.secret)
        async with await anyio.open_process(start, env=environment(), stderr=None) as process:
            try:
                async with anyio.create_task_group() as tasks:
                    assert process.stdout is not None
                    tasks.start_soon(listen, TextReceiveStream(process.stdout))
                    await until(lambda: "authenticated" in said)
                    yield far, said
                    tasks.cancel_scope.cancel()
            finally:
                if process.returncode is None:
                    process.kill()


async def test_it_subscribes_pings_and_answers_with_a_stream_in_order() -> None:
    async with sdk() as (far, _):
        (subscribed,) = [f for f in far.gateway.frames if f["cmd"] == "aibot_subscribe"]
        assert subscribed["body"]["scene"] == 1
        assert (await far.push_text("li", "hello")).acked
        await until(lambda: [m.text for m in far.inbox("li")] == ["node: hello"])
        bubble = far.screens.bubbles["li", "s1"]
        assert (bubble.frames, bubble.feedback) == (["a", "ab", "node: hello"], "FB")
        await until(lambda: far.counters["ping"] >= 2)
        assert far.counters["overtaken"] == 0


async def test_it_uploads_sends_downloads_and_welcomes() -> None:
    async with sdk() as (far, _):
        await far.enter("li")
        await until(lambda: [m.text for m in far.inbox("li")] == ["Welcome!"])
        await far.push_text("li", "file")
        await until(lambda: [m.msgtype for m in far.inbox("li")] == ["text", "file", "markdown"])
        assert far.counters["aibot_upload_media_chunk"] == 2
        await far.say("li", "image", {"image": far.offer(b"\x89PNG" + b"0" * 96)})
        await until(lambda: far.inbox("li")[-1].text == "100 bytes")


async def test_it_is_told_that_it_was_evicted() -> None:
    async with sdk() as (far, said):
        await far.gateway.evict(far.settings.bot_id)
        await until(lambda: "evicted" in said)


async def test_a_lost_answer_holds_the_next_frame_back() -> None:
    async with sdk() as (far, _):
        far.faults.set(["slow:300ms:n=1@aibot_respond_msg"])
        await far.push_text("li", "hello")
        await until(lambda: [m.text for m in far.inbox("li")] == ["node: hello"])
        assert far.counters["overtaken"] == 0, "the SDK waited for the answer"


def test_its_crypto_and_ours_agree() -> None:
    question = {
        "token": V4.token,
        "key": V4.key,
        "timestamp": V4.timestamp,
        "nonce": V4.nonce,
        "encrypted": V4.encrypted,
        "signature": V4.signature,
        "plain": '{"msgid":"你好"}',
        "file": M1.cipher,
        "fileKey": M1.key,
    }
    done = subprocess.run(
        command("crypto", json.dumps(question)),
        env=environment(),
        capture_output=True,
        check=True,
        timeout=30,
    )
    answer = json.loads(done.stdout)
    crypto = Crypto(V4.token, V4.key, "")
    assert answer["verified"] is True
    assert answer["decrypted"] == V4.plain == crypto.decrypt(V4.encrypted).decode()
    assert crypto.decrypt(answer["encrypted"]) == question["plain"].encode()
    crypto.check(answer["signature"], V4.timestamp, V4.nonce, answer["encrypted"])
    assert base64.b64decode(answer["file"]) == M1.plain
