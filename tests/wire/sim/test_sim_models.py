"""What all simulators of models share: prompts that call tools, broken streams, quotas at once, control."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import orjson
import pytest
from aiohttp import ClientPayloadError, ClientResponse, ClientSession
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.errors import ConfigError, NotFound
from mindbot.sim.anthropic.refusals import REFUSALS
from mindbot.sim.models.conversation import (
    ModelQuestion,
    Scripted,
    Utterance,
    count_tokens,
    first_tokens,
    pieces,
)
from mindbot.sim.models.model import Model, TooLong
from mindbot.sim.models.pictures import decoded, media_type
from mindbot.sim.models.quotas import QuotaRules
from mindbot.sim.models.refusals import first_of_next_month, refusal
from mindbot.sim.models.server import ModelSimulator
from mindbot.sim.testing import simulated
from mindbot.testing.waiting import until

anyio_test = pytest.mark.anyio
Json = dict[str, Any]
TEXT = "a long and wide story"
#: Simulator → path of a streamed request, its body, what ends the whole stream.
STREAMS: dict[str, tuple[str, Json, bytes]] = {
    "openai": (
        "/v1/chat/completions",
        {"model": "sim-1", "stream": True, "messages": [{"role": "user", "content": TEXT}]},
        b"[DONE]\n\n",
    ),
    "anthropic": (
        "/v1/messages",
        {"model": "sim-1", "max_tokens": 99, "stream": True, "messages": [{"role": "user", "content": TEXT}]},
        b'data: {"type":"message_stop"}\n\n',
    ),
    "gemini": (
        "/v1beta/models/sim-1:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": TEXT}]}]},
        b"}\r\n\r\n",
    ),
}
#: How each piece of the text stands in the bytes.
SPOKEN = {"openai": b'"content":"', "anthropic": b'"text_delta"', "gemini": b'[{"text":"'}
HEADERS = {"anthropic-version": "2026-10-21", "x-api-key": "k"}


def question(text: str, *results: str, **more: Any) -> ModelQuestion:
    said = [Utterance("user", text), *(Utterance("tool", result) for result in results)]
    return ModelQuestion("sim-1", said, **more)


def called(text: str, *results: str, **more: Any) -> list[tuple[str, str]]:
    reply = Model(1000).reply(question(text, *results, tools=("add", "now.utc"), **more))
    return [(call.name, call.arguments) for call in reply.calls]


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('call add({"a": 1, "b": {"c": [")"]}})', [("add", '{"a":1,"b":{"c":[")"]}}')]),
        ("Please call now.utc() and call add({}) twice", [("now.utc", "{}"), ("add", "{}")]),
        ("call subtract()", []),
        ("recall add()", []),
        ("call add({broken)", []),
        ("call add([1])", []),
        ("hello", []),
    ],
)
def test_words_call_the_tools_that_are_offered(text: str, calls: list[tuple[str, str]]) -> None:
    assert called(text) == calls


def test_a_forced_tool_is_called_once() -> None:
    assert called("hello", forced="*") == [("add", "{}")]
    assert called("hello", forced="now.utc") == [("now.utc", "{}")]
    assert called("hello", "result", forced="*") == []
    assert called("call add()", "result") == []


def test_a_script_comes_first_and_limits_hold_for_it() -> None:
    model = Model(30)
    model.script += [Scripted("one two three", match="x"), Scripted("always", times=0, finish="odd")]
    assert model.reply(question("no")).finish == "odd"
    cut = model.reply(question("x", limit=2, stops=("three", "two")))
    assert (cut.text, cut.why, cut.stopped_by) == ("one ", "sequence", "two")
    assert [model.reply(question("x")).text for _ in range(2)] == ["always", "always"]
    with pytest.raises(TooLong) as caught:
        model.reply(question("x" * 200))
    assert (caught.value.tokens, caught.value.most) == (54, 30)


@given(st.text(), st.integers(0, 20))
def test_pieces_are_tokens(text: str, most: int) -> None:
    assert "".join(pieces(text)) == text
    assert len(pieces(text)) == count_tokens(text)
    assert first_tokens(text, most) == "".join(pieces(text)[:most])


def test_a_month_ends_at_midnight_of_the_first() -> None:
    for now, then in ((1_796_083_199.0, "2026-12-01"), (1_796_083_200.0, "2027-01-01"), (0.0, "1970-02-01")):
        assert first_of_next_month(now).isoformat() == f"{then}T00:00:00+00:00"


def test_refusals_have_names_and_pictures_have_beginnings() -> None:
    with pytest.raises(NotFound, match="no refusal is called 'x'"):
        refusal(REFUSALS, "x", 0.0)
    assert media_type(decoded("iVBORw0KGgo=")) == "image/png"
    assert media_type(b"BM") == ""
    for bad in ("", None, "abc", "a b="):
        with pytest.raises(ValueError):
            decoded(bad)


@asynccontextmanager
async def asked(
    name: str, fault: str = "", **settings: Any
) -> AsyncIterator[tuple[ModelSimulator, ClientResponse]]:
    """A simulator, and the answer to one streamed request."""
    path, body, _ = STREAMS[name]
    faults = (fault,) if fault else ()
    async with simulated(name, fault=faults, **settings) as far, ClientSession() as http:
        assert isinstance(far, ModelSimulator)
        async with http.post(far.origin + path, json=body, headers=HEADERS) as response:
            yield far, response


async def received(response: ClientResponse) -> tuple[bytes, bool]:
    """Return what arrived, and whether the answer ended well formed."""
    raw = b""
    try:
        async for data in response.content.iter_any():
            raw += data
    except ClientPayloadError:
        return raw, False
    return raw, True


@anyio_test
@pytest.mark.parametrize("name", STREAMS)
async def test_a_whole_stream_is_recorded_as_ended(name: str) -> None:
    async with asked(name) as (far, response):
        raw, whole = await received(response)
        assert whole
        assert raw.endswith(STREAMS[name][2])
        await until(lambda: far.requests[0].ended)
        assert far.requests[0].status == 200
        assert far.requests[0].question is not None
        assert far.requests[0].question.asked == TEXT


@anyio_test
@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize(
    ("fault", "spoken", "whole"),
    [
        ("cut-stream:after=2", 2, False),
        ("cut-event:after=2", 2, False),
        ("no-body", 0, False),
        ("end-early:after=2", 2, True),
        ("error-in-stream:after=2", 2, True),
        ("bad-line:after=2", 7, True),
        ("pause:1ms:after=2", 7, True),
        pytest.param("drip:0ms", 7, True, marks=pytest.mark.slow),
        ("split", 7, True),
        ("comments", 7, True),
        ("odd-events", 7, True),
        ("no-space", 7, True),
        ("crlf", 7, True),
    ],
)
async def test_streams_that_break_and_streams_that_do_not(
    name: str, fault: str, spoken: int, whole: bool
) -> None:
    async with asked(name, fault) as (far, response):
        raw, well = await received(response)
        pieces_seen = raw.count(SPOKEN[name])
        if fault.startswith("cut-event"):
            assert pieces_seen in (spoken, spoken + 1)  # the half that came may hold its beginning
            assert not raw.endswith(b"\n\n")
        else:
            # A closing object of Gemini has an empty text, a first chunk of OpenAI empty content.
            empty = raw.count(SPOKEN[name] + b'"') if name != "anthropic" else 0
            assert pieces_seen - empty == spoken
        assert well is whole
        assert far.counters[f"fault.{fault.partition(':')[0]}"] == 1
        if fault.startswith("bad-line"):
            assert b": \n\n" in raw or b"[{\r\n\r\n" in raw or b'"delta":\n\n' in raw
        if fault == "crlf":
            assert b"\n" not in raw.replace(b"\r\n", b"")


@anyio_test
@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_that_never_ends_is_not_recorded_as_ended(name: str) -> None:
    async with asked(name, "endless:after=1") as (far, response):
        raw = b""
        async for data in response.content.iter_any():
            raw += data
            if raw.count(SPOKEN[name]) > 20:
                break
        assert not far.requests[0].ended


@anyio_test
@pytest.mark.parametrize("name", STREAMS)
async def test_whole_answers_that_break_or_are_huge(name: str) -> None:
    path, body, _ = STREAMS[name]
    path = path.replace("streamGenerateContent?alt=sse", "generateContent")
    body = {key: value for key, value in body.items() if key != "stream"}
    async with (
        simulated(name, fault=["cut-body:n=1", "huge:mb=2:after=1:n=1"]) as far,
        ClientSession() as http,
    ):
        async with http.post(far.origin + path, json=body, headers=HEADERS) as response:
            raw, whole = await received(response)
            assert (raw[:1], whole) == (b"{", False)
        async with http.post(far.origin + path, json=body, headers=HEADERS) as response:
            raw, whole = await received(response)
            assert (len(raw) > 2 << 20, whole) == (True, True)
        async with http.post(far.origin + path, json=body, headers=HEADERS) as response:
            assert TEXT in await response.text()


@anyio_test
@pytest.mark.parametrize("name", ["anthropic", "gemini"])
async def test_the_other_framing_and_halves_of_characters(name: str) -> None:
    path, body, end = STREAMS[name]
    plain = path.replace("streamGenerateContent?alt=sse", "generateContent")
    async with (
        simulated(name, fault=["other-framing:n=2", "half-surrogates"]) as far,
        ClientSession() as http,
    ):
        far.script(Scripted("xab\N{GRINNING FACE}", times=2))
        async with http.post(far.origin + path, json=body, headers=HEADERS) as response:
            assert response.content_type == "application/json"
            assert "xab\N{GRINNING FACE}" in str(orjson.loads(await response.read()))
        asked = {key: value for key, value in body.items() if key != "stream"}
        async with http.post(far.origin + plain, json=asked, headers=HEADERS) as response:
            assert response.content_type == "text/event-stream"
            assert (await response.read()).endswith(end)
        far.script(Scripted("xab\N{GRINNING FACE}c"))
        async with http.post(far.origin + path, json=body, headers=HEADERS) as response:
            raw = await response.read()
            assert b'"xab\\ud83d"' in raw
            assert b'"\\ude00c"' in raw


@anyio_test
@pytest.mark.parametrize("name", STREAMS)
async def test_only_so_many_are_answered_at_once(name: str) -> None:
    path, body, _ = STREAMS[name]
    rules = QuotaRules(at_once=1)
    async with simulated(name, fault="stall:after=1:n=1", quotas=rules) as far, ClientSession() as http:
        async with http.post(far.origin + path, json=body, headers=HEADERS) as first:
            await first.content.readany()
            async with http.post(far.origin + path, json=body, headers=HEADERS) as second:
                assert second.status in (429, 503)
            first.close()
        statuses = []
        with anyio.fail_after(30):
            while 200 not in statuses:  # until the simulator knows that the first one has gone
                async with http.post(far.origin + path, json=body, headers=HEADERS) as again:
                    await again.read()
                    statuses.append(again.status)


@anyio_test
@pytest.mark.parametrize("name", STREAMS)
async def test_rules_and_keys_are_changed_while_it_runs(name: str) -> None:
    path, body, _ = STREAMS[name]
    async with simulated(name, clock=lambda: 1_800_000_000.0) as far, ClientSession() as http:
        control = f"{far.origin}/_sim"
        rules = {"quotas": {"requests_per_minute": 1}}
        async with http.put(f"{control}/rules", json=rules) as response:
            assert (await response.json())["quotas"]["requests_per_minute"] == 1
        statuses = []
        for _ in range(2):
            async with http.post(far.origin + path, json=body, headers=HEADERS) as response:
                statuses.append(response.status)
        assert statuses == [200, 429]
        async with http.put(f"{control}/rules", json={"quotas": {"requests_per_minute": 0}}) as response:
            assert response.status == 200
        async with http.get(f"{control}/refusals") as response:
            names = list((await response.json())["refusals"])
        assert names == list(far.refusals)
        async with http.put(f"{control}/keys", json={"refused": ["k"]}) as response:
            assert response.status == 400
        async with http.put(f"{control}/faults", json={"faults": [f"{names[0]}:n=1"]}) as response:
            assert response.status == 200
        for wanted in (far.refusal(names[0]).status, 200):
            async with http.post(far.origin + path, json=body, headers=HEADERS) as response:
                assert response.status == wanted


def test_a_refusal_is_a_fault_of_its_own_vendor_alone() -> None:
    simulated("anthropic", fault="overloaded_error")
    with pytest.raises(ConfigError, match="no fault is called 'overloaded_error'"):
        simulated("gemini", fault="overloaded_error")
