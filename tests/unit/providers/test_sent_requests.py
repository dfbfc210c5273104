"""A model's step keeps each request that left, byte for byte, and of very long ones the head and the end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.abc
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from managed_providers import Managed

from mindbot.domain import origins
from mindbot.domain.chat import Attachment, ChatMessage, ChatRequest, Text
from mindbot.domain.message import Json
from mindbot.domain.plain import dumps
from mindbot.domain.sent import MOST, SENT, bodies, clipped, length, note_sent
from mindbot.http.client import HttpClient
from mindbot.telemetry.redaction import MASK, Redactor

pytestmark = pytest.mark.anyio

_ANSWER: Json = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]
}
_LENGTH = re.compile(rb"(?im)^content-length: *(\d+)")
TEXTS = st.text(max_size=40) | st.sampled_from(['é你\u2028"\\/', "a\x00b", "0.1"])
VALUES = st.recursive(
    TEXTS
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


class Listening:
    """Refuses the first ``busy`` requests, answers the others, and keeps the bytes of all their bodies."""

    def __init__(self, busy: int = 0) -> None:
        self.heard: list[bytes] = []
        self.entry: Json = {}
        self._busy = busy

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Listening]:
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as tasks,
        ):
            port = listener.extra(anyio.abc.SocketAttribute.local_port)
            base_url = f"http://127.0.0.1:{port}/gateway/v1"
            self.entry = {"type": "openai", "base_url": base_url, "api_key": "k-0123456789", "models": ["m"]}
            tasks.start_soon(listener.serve, self._serve)
            yield self
            tasks.cancel_scope.cancel()

    async def _serve(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data:
                data += await stream.receive()
            head, _, body = data.partition(b"\r\n\r\n")
            found = _LENGTH.search(head)
            while len(body) < (int(found[1]) if found else 0):
                body += await stream.receive()
            self.heard.append(body)
            status = "503 Busy" if len(self.heard) <= self._busy else "200 OK"
            said = orjson.dumps(_ANSWER)
            top = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
            await stream.send(f"{top}Content-Length: {len(said)}\r\n\r\n".encode() + said)


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


async def test_the_request_is_kept_as_it_left_and_a_try_again_takes_no_room(http: HttpClient) -> None:
    async with Listening(busy=1).running() as far:
        house = Managed(http, {"acme": far.entry})
        assert await house.ask("Prijs: 0.10 €, «你好»\u2028?", temperature=0.1) == "yes"
    calls = house.notes[SENT]
    assert [dumps(body) for body in bodies(calls)] == far.heard and len(far.heard) == 2
    assert calls[0]["path"] == "/gateway/v1/chat/completions" and calls[0]["provider"] == "acme"
    assert calls[1]["as"] == 1 and "body" not in calls[1]
    assert "127.0.0.1" not in str(calls) and "k-0123456789" not in str(calls)


async def test_what_was_asked_in_the_end_is_what_the_record_says_was_asked(http: HttpClient) -> None:
    picture = Attachment("image", "image/png", "cat.png", data=b"\x89PNG", origin=origins.MESSAGE)
    lines = [ChatMessage("user", [Text("what is it?", origins.MESSAGE), picture])]
    notes: Json = {"request": {"messages": [line.to_json() for line in lines]}}
    async with Listening().running() as far:
        entry = {**far.entry, "models": [{"name": "m", "images": False}]}
        async for _ in Managed(http, {"acme": entry}).manager.chat(ChatRequest(lines), notes=notes):
            pass
    [line] = notes["request"]["messages"]
    assert [part["origin"] for part in line["content"]] == [origins.MESSAGE, origins.STAND_IN]
    assert "not shown to you" in far.heard[0].decode()


@given(VALUES)
def test_json_that_is_short_comes_back_as_it_left(value: Any) -> None:
    notes: Json = {}
    note_sent(notes, "http://127.0.0.1:1/x?key=hidden", {"body": value})
    kept = orjson.loads(dumps(notes))[SENT]
    assert [dumps(body) for body in bodies(kept)] == [orjson.dumps({"body": value})]
    assert kept[0]["path"] == "/x"


@pytest.mark.parametrize(
    "value",
    [
        "x" * 5_000_000,
        ["line"] * 200_000,
        [{"role": "user", "content": "y" * 3_000}] * 2_000,
        {"head": "a" * 300_000, "data": {"end": ["b" * 300_000, "the end"]}},
    ],
)
def test_of_a_long_request_the_head_and_the_end_stay_and_the_cut_is_marked(value: Any) -> None:
    notes: Json = {}
    note_sent(notes, "http://127.0.0.1:1/x", {"first": "begins", "body": value, "last": "ends"})
    [call] = notes[SENT]
    assert length(call["body"]) <= MOST < call["cut_from"]
    assert (call["body"]["first"], call["body"]["last"]) == ("begins", "ends")
    assert "left out …" in dumps(call).decode()


def test_a_long_text_says_how_much_of_it_is_left_out() -> None:
    cut = clipped(["a" * 10_000 + "b" * 10_000 + "end"], 5_000)[0]
    assert cut.startswith("aaa") and cut.endswith("end") and "15,907 characters left out" in cut


def test_of_what_was_sent_known_secrets_alone_are_masked() -> None:
    secrets = Redactor()
    secrets.register("hunter2-hunter2")
    said = {"query": "is password=swordfish safe? hunter2-hunter2", "api_key": "is a word here"}
    shown = secrets.conversation({SENT: [{"path": "/x", "body": said}], "api_key": "abc"})
    assert shown[SENT][0]["body"] == {
        "query": f"is password=swordfish safe? {MASK}",
        "api_key": "is a word here",
    }
    assert shown["api_key"] == MASK
