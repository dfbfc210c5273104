"""Which provider answers, what is tried again, and what is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import anyio
import pytest
from managed_providers import Managed, openai, scripted

from mindbot.domain.chat import ChatMessage, ChatRequest
from mindbot.domain.errors import (
    AuthFailed,
    ContentFiltered,
    NetworkFailed,
    NotFound,
    Overloaded,
    RateLimited,
    SecretError,
    Truncated,
)
from mindbot.domain.message import Json
from mindbot.http.client import HttpClient
from mindbot.testing.providers import Tap
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


async def test_the_first_enabled_provider_that_can_be_built_answers(http: HttpClient) -> None:
    here = Managed(
        http,
        {
            "off": scripted("no", enabled=False),
            "b": scripted("me"),
            "c": scripted("no"),
        },
    )
    assert here.manager.default() == "b"
    assert await here.ask() == "me"
    assert await here.ask(provider="c") == "no"
    assert here.notes["provider"] == "c"


async def test_who_is_disabled_or_unknown_is_not_found(http: HttpClient) -> None:
    here = Managed(http, {"openai": {"api_key": "k"}, "vllm": {"enabled": False}})
    assert here.manager.default() == "openai"
    with pytest.raises(NotFound):
        here.manager.get("vllm")
    with pytest.raises(NotFound):
        here.manager.get("nobody")


async def test_without_any_provider_the_error_says_what_to_do(http: HttpClient) -> None:
    with pytest.raises(NotFound) as caught:
        await Managed(http, {"vllm": {"enabled": False}}).ask()
    assert caught.value.hint == "set providers.vllm.enabled: true and reload"
    with pytest.raises(NotFound) as caught:
        await Managed(http, {}).ask()
    assert caught.value.hint == "add one under providers:"


async def test_a_failing_server_is_asked_once_more(http: HttpClient) -> None:
    async with openai("500:n=1") as far:
        here = Managed(http, {"a": far.entry})
        assert await here.ask("hi") == "echo: hi"
        assert far.counters["requests"] == 2
    assert len(here.waits) == 1
    assert 0 <= here.waits[0] <= 0.5
    assert [f["kind"] for f in here.notes["failures"]] == ["overloaded"]
    assert (here.notes["provider"], here.notes["model"], here.notes["type"]) == ("a", "gpt-4", "openai")


async def test_the_wait_a_vendor_asks_for_is_kept(http: HttpClient) -> None:
    async with openai("429:retry-after=3:n=1") as far:
        here = Managed(http, {"a": far.entry})
        assert await here.ask() == "echo: hi"
    assert 3 <= here.waits[0] <= 3.5


@pytest.mark.parametrize(
    "more", [{"fault": "429:retry-after=100"}, {"fault": "429:retry-after=3", "left": 2}]
)
async def test_a_wait_that_is_too_long_is_not_begun(http: HttpClient, more: Json) -> None:
    async with openai(more["fault"]) as far:
        here = Managed(http, {"a": far.entry})
        deadline = anyio.current_time() + more["left"] if "left" in more else 0.0
        with pytest.raises(RateLimited):
            await here.ask(deadline=deadline)
        assert (here.waits, far.counters["requests"]) == ([], 1)


async def test_a_wrong_key_is_not_tried_again_but_elsewhere(http: HttpClient) -> None:
    async with openai("401") as far:
        here = Managed(http, {"a": far.entry, "b": scripted("rescued")}, ("a", "off", "b"))
        assert await here.ask() == "rescued"
        assert far.counters["requests"] == 1
    assert here.notes["provider"] == "b"
    assert [(f["provider"], f["kind"]) for f in here.notes["failures"]] == [("a", "auth_failed")]


async def test_a_fallback_is_asked_for_a_model_it_has(http: HttpClient) -> None:
    async with openai() as far:
        fallback = {**far.entry, "models": ["own-1", "own-2"]}
        here = Managed(http, {"a": scripted(error="overloaded"), "b": fallback}, ("b",))
        await here.ask(model="gpt-4")
        await here.ask(model="own-2")
        assert [r.body["model"] for r in far.requests] == ["own-1", "own-2"]
    assert here.notes["model"] == "own-2"


async def test_a_missing_key_moves_on_or_is_told(http: HttpClient) -> None:
    lost = {"type": "openai", "api_key": "lost", "base_url": "http://127.0.0.1:9/v1"}
    assert await Managed(http, {"a": lost, "b": scripted("rescued")}, ("b",)).ask() == "rescued"
    with pytest.raises(SecretError):
        await Managed(http, {"a": lost}).ask()


async def test_a_refusal_on_content_is_final(http: HttpClient) -> None:
    here = Managed(http, {"a": scripted(error="content_filtered"), "b": scripted("never")}, ("b",))
    with pytest.raises(ContentFiltered):
        await here.ask()


@pytest.mark.parametrize("fault", ["cut-stream:after=5", "error-in-stream:after=5"])
async def test_one_that_broke_off_is_not_asked_again_once_a_piece_was_shown(
    http: HttpClient, fault: str
) -> None:
    async with openai(fault) as far:
        here = Managed(http, {"a": far.entry})
        with pytest.raises((Truncated, Overloaded)):
            await here.ask("a long question", stream=True)
        assert (here.waits, far.counters["requests"]) == ([], 1)


async def test_a_stream_that_breaks_before_its_first_piece_is_tried_again(http: HttpClient) -> None:
    async with openai("end-early:after=0:n=1") as far:
        here = Managed(http, {"a": far.entry})
        assert await here.ask("hi", stream=True) == "echo: hi"
        assert far.counters["requests"] == 2


async def test_when_nobody_can_help_the_first_failure_counts(http: HttpClient) -> None:
    here = Managed(http, {"a": scripted(error="overloaded"), "b": scripted(error="auth_failed")}, ("b",))
    with pytest.raises(Overloaded):
        await here.ask()
    assert [(f["provider"], f["kind"]) for f in here.notes["failures"]] == [
        ("a", "overloaded"),
        ("a", "overloaded"),
        ("b", "auth_failed"),
    ]


async def test_leaving_an_answer_hangs_up(http: HttpClient) -> None:
    async with openai("stall:after=5") as far, Tap(far.base_url).running() as tap:
        here = Managed(http, {"a": {**far.entry, "base_url": tap.base_url}})
        request = ChatRequest([ChatMessage("user", "a long question")], stream=True)
        async with aclosing(here.manager.chat(request)) as chunks:
            async for _ in chunks:
                break
        await tap.all_closed()


async def test_ping_asks_once_and_tells_the_truth(http: HttpClient) -> None:
    async with openai("401:after=1") as far:
        here = Managed(http, {"a": far.entry, "b": scripted("never")}, ("b",))
        assert 0 < await here.manager.ping("a") < 20
        with pytest.raises(AuthFailed):
            await here.manager.ping("a")
        assert far.counters["requests"] == 2


async def test_a_blip_of_the_only_provider_is_survived(http: HttpClient) -> None:
    async with openai("500:n=3") as far:
        here = Managed(http, {"a": far.entry})
        await here.ask()
        assert far.counters["requests"] == 4
    assert [f["kind"] for f in here.notes["failures"]] == ["overloaded"] * 3


async def test_a_provider_that_fails_is_told_and_when_it_answers_again(http: HttpClient) -> None:
    async with openai(fault="500") as far:
        here = Managed(http, {"openai": far.entry, "b": scripted("me")}, ("b",))
        assert await here.ask() == "me"
        assert here.told == [("openai", "degraded")]
        far.faults.set([])
        here.now += 60
        await here.ask()
        assert here.told == [("openai", "degraded"), ("openai", "ok")]


async def test_what_is_wrong_with_the_prompt_says_nothing_about_the_provider(http: HttpClient) -> None:
    here = Managed(http, {"a": scripted(error="content_filtered")})
    with pytest.raises(ContentFiltered):
        await here.ask()
    assert here.told == []


async def test_a_provider_that_gives_no_answer_is_not_asked_again(http: HttpClient) -> None:
    async with openai("hang") as far:
        silent = {"silent": far.entry | {"timeout": 0.3}}
        here = Managed(http, silent)
        with pytest.raises(NetworkFailed):
            await here.ask()
        assert len(here.notes["failures"]) == 1
        here = Managed(http, silent | {"b": scripted("me")}, ("b",))
        assert await here.ask() == "me"
        assert [each["provider"] for each in here.notes["failures"]] == ["silent"]


async def test_what_may_have_to_be_paid_for_is_asked_for_twice_at_most(http: HttpClient) -> None:
    async with openai("error-in-stream:after=0") as far:
        here = Managed(http, {"a": far.entry})
        with pytest.raises(Overloaded):
            await here.ask(stream=True)
        assert far.counters["requests"] == 2


async def test_an_answer_has_a_time_with_all_its_tries(http: HttpClient) -> None:
    async with openai("hang") as far:
        entries = {name: {**far.entry, "timeout": 30} for name in ("a", "b")}
        here = Managed(http, entries, ("b",), chat={"timeout": 0.3})
        with anyio.fail_after(PATIENCE), pytest.raises(NetworkFailed):
            await here.ask()
        assert far.counters["requests"] == 1


async def test_the_notes_of_an_answer_reach_the_trace(http: HttpClient) -> None:
    async with openai() as far:
        here = Managed(http, {"a": {**far.entry, "answer_bytes": 1000}})
        assert len(await here.ask("long " * 300)) == 1000
    assert here.notes["cut"] == "an answer over 1000 bytes"
