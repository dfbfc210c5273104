"""Servers that drip, flood, go on for ever or answer in another way than they were asked."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio
import orjson
import pytest

from mindbot.config.models import ModelSettings
from mindbot.domain.errors import (
    AuthFailed,
    MindBotError,
    NetworkFailed,
    Overloaded,
    Rejected,
    Truncated,
    VendorError,
)
from mindbot.domain.message import Json
from mindbot.http.client import HttpClient
from mindbot.providers.openai import OpenAIProvider
from mindbot.testing.providers import CollectedAnswer, ask, collect
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

#: Writes raw bytes to the client, after the request has been read; told the request's body.
Script = Callable[[Json, anyio.abc.SocketStream], object]
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
EVENTS = HEAD + b"Content-Type: text/event-stream\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def event(delta: Json | None = None, finish: str | None = None) -> bytes:
    doc = {"choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}]}
    return b"data: " + orjson.dumps(doc) + b"\n\n"


def whole(content: str) -> bytes:
    return orjson.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]})


class Server:
    """Answers every request with the next script, the last one for ever; remembers what it was asked."""

    def __init__(
        self, *scripts: bytes | Sequence[bytes] | Callable[[anyio.abc.SocketStream], object]
    ) -> None:
        self.asked: list[Json] = []
        self.base_url = ""
        self._scripts = list(scripts)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        self.base_url = f"http://127.0.0.1:{port}/v1"
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, self._serve)
            yield self
            tasks.cancel_scope.cancel()

    async def _serve(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data or not data.endswith(b"}"):
                data += await stream.receive()
            self.asked.append(orjson.loads(data.partition(b"\r\n\r\n")[2]))
            script = self._scripts[0] if len(self._scripts) == 1 else self._scripts.pop(0)
            try:
                if callable(script):
                    await script(stream)  # type: ignore[misc]
                else:
                    await stream.send(script if isinstance(script, bytes) else b"".join(script))
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass  # the client has hung up, as it should


async def drip(stream: anyio.abc.SocketStream, first: bytes, then: bytes) -> None:
    await stream.send(first)
    while True:
        await stream.send(then)
        await anyio.sleep(0.02)


async def ask_it(server: Server, *, stream: bool = True, model: str = "m", **more: object) -> CollectedAnswer:
    async with HttpClient(pool_wait=0.2) as http:
        models = [ModelSettings(name=model, temperature=0.5, max_tokens=9)]
        settings = {"timeout": 10.0, **more}
        provider = OpenAIProvider("acme", http=http, base_url=server.base_url, models=models, **settings)  # type: ignore[arg-type]
        return await collect(provider, ask(stream=stream))


@pytest.mark.full
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (EVENTS, b" "),
        (EVENTS + b"data: {", b" "),
    ],
)
async def test_bytes_that_become_no_line(first: bytes, then: bytes, stream: bool) -> None:
    async with Server(lambda far: drip(far, first, then)).running() as server:
        with anyio.fail_after(PATIENCE), pytest.raises(NetworkFailed) as caught:
            await ask_it(server, stream=stream, timeout=1.0)
    assert caught.value.sent


async def test_lines_that_become_no_answer() -> None:
    async with Server(lambda far: drip(far, EVENTS, b": keep-alive\n\n")).running() as server:
        with anyio.fail_after(PATIENCE), pytest.raises(NetworkFailed):
            await ask_it(server, timeout=0.2)


@pytest.mark.full
async def test_an_answer_that_never_ends_is_cut_when_its_time_is_up() -> None:
    said = event({"content": "and so on, and so forth, "})
    async with Server(lambda far: drip(far, EVENTS, said)).running() as server:
        with anyio.fail_after(PATIENCE):
            answer = await ask_it(server, total=1.0)
    assert answer.last.finish == "length"
    assert answer.last.notes == {"cut": "the time for one answer"}
    assert answer.text.startswith("and so on")


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (EVENTS, b": keep-alive\n\n" * 4000),
        (EVENTS + b"data: ", b"x" * 60_000),
        (HEAD + b"\r\n{", b" " * 60_000),
    ],
)
async def test_a_flood_without_an_answer(first: bytes, then: bytes) -> None:
    async def flood(far: anyio.abc.SocketStream) -> None:
        await far.send(first)
        while True:
            await far.send(then)

    async with Server(flood).running() as server:
        with anyio.fail_after(PATIENCE), pytest.raises(Rejected, match="an answer over 160000 bytes"):
            await ask_it(server, answer_bytes=10_000)


async def test_a_flood_of_words_is_cut_and_hung_up_on() -> None:
    hung_up = anyio.Event()

    async def flood(far: anyio.abc.SocketStream) -> None:
        await far.send(EVENTS)
        try:
            while True:
                await far.send(event({"content": "words " * 1000}))
        finally:
            hung_up.set()

    async with Server(flood).running() as server:
        with anyio.fail_after(PATIENCE):
            answer = await ask_it(server, answer_bytes=10_000)
            await hung_up.wait()
    assert len(answer.text) == 10_000
    assert answer.last.finish == "length"


async def test_a_whole_answer_that_is_too_long_is_cut_as_well() -> None:
    async with Server(HEAD + b"\r\n" + whole("words " * 5000)).running() as server:
        answer = await ask_it(server, stream=False, answer_bytes=10_000)
    assert (len(answer.text), answer.last.finish) == (10_000, "length")


async def test_a_body_that_unfolds_without_end() -> None:
    bomb = gzip.compress(b" " * (20 << 20))
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with Server(head + bomb).running() as server:
        with pytest.raises(Rejected, match="an answer over"):
            await ask_it(server, stream=False, answer_bytes=10_000)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"<!doctype html><title>Console</title>", Rejected, "check the base URL"),
        ('data: {"choices":[]}\n\n'.encode("utf-16"), Rejected, "UTF-16"),
        (b"", Overloaded, "an empty answer"),
        (b"Bad gateway", Overloaded, "not a chat completion"),
        (b'{"choices":' + b"[" * 5000, Overloaded, "not a chat completion"),
        (b'{"code":30001,"message":"balance insufficient"}', VendorError, "balance insufficient"),
        (b'{"error":{"message":"no such thing","code":"invalid_api_key"}}', VendorError, "no such thing"),
        (b"data: nonsense\n\ndata: [DONE]\n\n", Overloaded, "not a chat completion"),
    ],
)
async def test_what_comes_instead_of_an_answer_is_named(
    body: bytes, kind: type[MindBotError], words: str, stream: bool
) -> None:
    async with Server(HEAD + b"\r\n" + body).running() as server:
        with pytest.raises(kind, match=words) as caught:
            await ask_it(server, stream=stream)
    assert isinstance(caught.value, VendorError)
    assert caught.value.answered


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "body",
    [
        whole("hello"),
        whole("hello") + b"\n\n" + DONE,
        event({"content": "hello"}, "stop") + DONE,
        event({"content": "hel"}) + event({"content": "lo"}, "stop"),
        b"data: " + whole("hello") + b"\n\n",
        (event({"content": "hel"}) + event({"content": "lo"}, "stop") + DONE).replace(b"\n\n", b"\n"),
    ],
)
async def test_either_framing_for_either_question(body: bytes, stream: bool) -> None:
    async with Server(HEAD + b"\r\n" + body).running() as server:
        answer = await ask_it(server, stream=stream)
    assert (answer.text, answer.last.finish, answer.last.notes) == ("hello", "stop", {})


JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LINES = b"".join(
    piece.removeprefix(b"data: ").replace(b"\n\n", b"\n")
    for piece in [
        event({"content": "hel"}),
        event({"content": "lo"}),
        event({}, "stop"),
    ]
)


@pytest.mark.full
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("body", "finish"),
    [
        (whole("hello"), "stop"),
        (whole("hello") + b"\n", "stop"),
        (orjson.dumps(orjson.loads(whole("hello")), option=orjson.OPT_INDENT_2) + b"\n", "stop"),
        (LINES, "stop"),
        (LINES + b"data: [DONE]\n", "stop"),
    ],
)
async def test_an_answer_that_is_there_is_one_however_its_connection_ends(
    body: bytes, finish: str, stream: bool
) -> None:
    async def stays_open(wire: anyio.abc.SocketStream) -> None:
        await wire.send(JSON + b"\r\n" + body)
        await anyio.sleep_forever()

    cut = JSON + b"Content-Length: 9000\r\n\r\n" + body
    for script in (cut, stays_open):
        async with Server(script).running() as server:
            answer = await ask_it(server, stream=stream, timeout=1.0)
        assert (answer.text, answer.last.finish, answer.last.notes) == ("hello", finish, {})
        assert len(server.asked) == 1


@pytest.mark.parametrize("came", [1, 2])
async def test_lines_of_json_without_an_end_are_cut(came: int) -> None:
    pieces = LINES.splitlines(keepends=True)
    async with Server(HEAD + b"\r\n" + b"".join(pieces[:came])).running() as server:
        with pytest.raises(Truncated):
            await ask_it(server)


def both(text: str, **more: object) -> bytes:
    """A line with a piece and, beside it, a message: some servers fill both."""
    choice = {"delta": {"content": text}, "message": {"role": "assistant", "content": text}, **more}
    return orjson.dumps({"choices": [choice]}) + b"\n"


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (both("hel") + both("lo", finish_reason="stop"), "hello"),
        (both("hello"), "hello"),  # and nothing else
    ],
)
async def test_a_message_beside_a_piece_is_an_answer_only_by_itself(lines: bytes, text: str) -> None:
    async with Server(HEAD + b"\r\n" + lines).running() as server:
        answer = await ask_it(server)
    assert (answer.text, answer.last.finish) == (text, "stop")


async def test_messages_beside_pieces_without_an_end_are_cut() -> None:
    async with Server(HEAD + b"\r\n" + both("hel") + both("lo")).running() as server:
        with pytest.raises(Truncated):
            await ask_it(server)


def refused(message: str, param: str | None = None) -> bytes:
    body = orjson.dumps({"error": {"message": message, "param": param, "type": "invalid_request_error"}})
    return b"HTTP/1.1 400 X\r\nConnection: close\r\n\r\n" + body


GOOD = EVENTS + event({"content": "hello"}, "stop") + DONE


@pytest.mark.parametrize(
    ("refusal", "gone", "instead"),
    [
        (refused("Unknown parameter: 'stream_options'.", "stream_options"), "stream_options", ""),
        (refused("stream_options: Extra inputs are not permitted"), "stream_options", ""),
        (refused("'temperature' does not support 0.5 with this model.", "temperature"), "temperature", ""),
        (
            refused("'max_tokens' is not supported. Use 'max_completion_tokens' instead.", "max_tokens"),
            "max_tokens",
            "max_completion_tokens",
        ),
    ],
)
async def test_a_refused_field_is_left_out_once_and_remembered(
    refusal: bytes, gone: str, instead: str
) -> None:
    async with Server(refusal, GOOD, GOOD).running() as server, HttpClient() as http:
        models = [ModelSettings(name="m", temperature=0.5, max_tokens=9)]
        provider = OpenAIProvider("acme", http=http, base_url=server.base_url, models=models)
        first = await collect(provider, ask(stream=True))
        again = await collect(provider, ask(stream=True))
    assert (first.text, again.text) == ("hello", "hello")
    assert [gone in body for body in server.asked] == [True, False, False]
    assert not instead or [instead in body for body in server.asked] == [False, True, True]
    assert first.last.notes == {"unsent": [gone]}


async def test_the_field_that_a_refusal_names_is_the_one() -> None:
    words = "Unsupported parameter: 'max_tokens'. Supported parameters: temperature, stream_options, user."
    async with Server(refused(words, "max_tokens"), GOOD).running() as server, HttpClient() as http:
        models = [ModelSettings(name="m", temperature=0.5, max_tokens=9)]
        provider = OpenAIProvider("acme", http=http, base_url=server.base_url, models=models)
        answer = await collect(provider, ask(stream=True))
    assert answer.last.notes == {"unsent": ["max_tokens"]}


@pytest.mark.full
@pytest.mark.parametrize("ends", [True, False])
async def test_a_refusal_that_does_not_come_whole_is_still_one(ends: bool) -> None:
    head = b"HTTP/1.1 401 X\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"
    begun = head + b'{"error":{"message":"no such key","code":"invalid_api_key"}}'

    async def goes_on(stream: anyio.abc.SocketStream) -> None:
        await drip(stream, begun, b" ")

    async with Server(begun if ends else goes_on).running() as server:
        with pytest.raises(AuthFailed, match="no such key"):
            await ask_it(server, timeout=1.0)


async def test_a_refused_value_or_another_field_is_no_reason_to_ask_again() -> None:
    for message in ("max_tokens is too large: 9. At most 5.", "messages: not a list", "Unknown model"):
        async with Server(refused(message)).running() as server:
            with pytest.raises(Rejected):
                await ask_it(server)
        assert len(server.asked) == 1


async def test_a_model_that_only_closes_its_thinking_is_known_from_then_on() -> None:
    pieces = [
        event({"content": word}) for word in ("a plan of ", "many, many words\n", "</think>\n\n", "yes")
    ]
    body = EVENTS + b"".join(pieces) + event(finish="stop") + DONE
    async with Server(body).running() as server, HttpClient() as http:
        provider = OpenAIProvider("acme", http=http, base_url=server.base_url)
        first = await collect(provider, ask(stream=True))
        second = await collect(provider, ask(stream=True))
    afresh = next(at for at, chunk in enumerate(first.chunks) if chunk.afresh)
    assert "".join(chunk.text for chunk in first.chunks[afresh:]) == "yes"
    assert second.text == "yes"
