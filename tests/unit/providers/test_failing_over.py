"""Who is asked when somebody fails: how often, with which key, and what the user sees of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import anyio
import orjson
import pytest
from managed_providers import Managed, openai, scripted

from mindbot import registry
from mindbot.domain.chat import ChatRequest, Chunk, Chunks
from mindbot.domain.errors import (
    AuthFailed,
    ConfigError,
    NetworkFailed,
    NotFound,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    TimedOut,
    Truncated,
)
from mindbot.domain.message import Json
from mindbot.http.client import HttpClient
from mindbot.telemetry.redaction import redactor
from mindbot.testing.stores.memory.store import MemoryStore
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 30, 10, 0, tzinfo=UTC).timestamp()
LONG = "a question whose answer takes many pieces, so that some of it has been shown when it breaks off"
ANSWER = f"echo: {LONG}"


class Refusing:
    """Answers each request with one refusal; counts them."""

    def __init__(self, status: int, body: Json, headers: str = "") -> None:
        self._answer = orjson.dumps(body)
        self._head = f"HTTP/1.1 {status} No\r\nContent-Length: {len(self._answer)}\r\n{headers}".encode()
        self.requests = 0
        self.entry: Json = {}

    @asynccontextmanager
    async def running(self, **entry: object) -> AsyncIterator[Refusing]:
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as tasks,
        ):
            port = listener.extra(anyio.abc.SocketAttribute.local_port)
            base_url = f"http://127.0.0.1:{port}/v1"
            self.entry = {"type": "openai", "base_url": base_url, "api_key": "k", "models": ["m"], **entry}
            tasks.start_soon(listener.serve, self._serve)
            yield self
            tasks.cancel_scope.cancel()

    async def _serve(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data or not data.endswith(b"}"):
                data += await stream.receive()
            self.requests += 1
            await stream.send(self._head + b"Connection: close\r\n\r\n" + self._answer)


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


def error(code: str, type_: str = "insufficient_quota", message: str = "No money.") -> Json:
    return {"error": {"message": message, "type": type_, "param": None, "code": code}}


def anthropic(type_: str, code: str = "", message: str = "No money.") -> Json:
    found: Json = {"type": type_, "message": message}
    return {"type": "error", "error": {**found, "details": {"error_code": code}} if code else found}


def google(code: int, message: str) -> Json:
    return {"error": {"code": code, "message": message, "status": "RESOURCE_EXHAUSTED"}}


MONTH = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
REGAIN = (
    "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
)
MONEY = [
    (429, error("insufficient_quota"), NOW + 3600),
    (429, error("credit_balance_exhausted"), NOW + 3600),
    (429, error("organization_usage_limit_exceeded"), MONTH),
    (429, error("organization_spend_limit_exceeded"), MONTH),
    (429, error("project_spend_limit_exceeded", "requests"), MONTH),
    (429, anthropic("rate_limit_error", "enforced_spend_limit_reached"), MONTH),
    (429, anthropic("rate_limit_error", "contract_spend_limit_reached"), NOW + 3600),
    (400, anthropic("invalid_request_error", "", REGAIN), MONTH),
    (402, google(402, "Your prepayment credits are depleted."), NOW + 3600),
    (429, google(429, "Your prepayment credits are depleted."), NOW + 3600),
]


@pytest.mark.parametrize(("status", "body", "until"), MONEY)
async def test_who_is_out_of_money_is_asked_once_until_it_is_due(
    http: HttpClient, status: int, body: Json, until: float
) -> None:
    async with Refusing(status, body).running() as poor:
        here = Managed(http, {"poor": poor.entry, "b": scripted("me")}, ("b",), now=NOW)
        for _ in range(20):
            assert await here.ask() == "me"
        assert (poor.requests, here.waits, here.told) == (1, [], [("poor", "degraded")])
        assert here.notes["skipped"][0]["provider"] == "poor"
        (status_of_it, _) = await here.manager.status()
        assert (status_of_it.state, status_of_it.keys[0].until) == ("cooling", until)
        here.now = until
        await here.ask()
        assert poor.requests == 2, "a probe"


async def test_the_only_one_out_of_money_is_asked_once_too(http: HttpClient) -> None:
    async with Refusing(429, error("insufficient_quota")).running() as poor:
        here = Managed(http, {"poor": poor.entry})
        for _ in range(20):
            with pytest.raises(QuotaExceeded):
                await here.ask()
        assert (poor.requests, here.waits) == (1, [])


async def test_the_dead_are_left_alone_wherever_they_stand_in_the_line(http: HttpClient) -> None:
    async with openai("500") as first, openai("500") as second:
        entries = {"a": first.entry, "b": second.entry, "c": scripted("me")}
        here = Managed(http, entries, ("b", "c"))
        for _ in range(100):
            assert await here.ask() == "me"
        assert [first.counters["requests"], second.counters["requests"]] == [2, 2]
        here.now += 60
        for _ in range(100):
            await here.ask()
        assert [first.counters["requests"], second.counters["requests"]] == [3, 3], "one probe each"
        assert len(here.notes["skipped"]) == 2
        first.faults.set([])
        here.now += 60
        assert await here.ask() == "echo: hi"


async def test_many_turns_send_one_probe(http: HttpClient) -> None:
    async with openai("500") as far:
        here = Managed(http, {"a": far.entry, "b": scripted("me")}, ("b",))
        await here.ask()
        asked = far.counters["requests"]
        here.now += 60
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(here.ask)
        assert far.counters["requests"] == asked + 1


async def test_when_all_are_left_alone_for_a_little_their_probe_is_waited_for(http: HttpClient) -> None:
    async with openai("500:n=4") as a, openai("500:n=4") as b:
        here = Managed(http, {"a": a.entry, "b": b.entry}, ("b",))
        with pytest.raises(Overloaded):
            await here.ask()
        asked = Counter(a=a.counters["requests"], b=b.counters["requests"])
        a.faults.set([])
        here.waits.clear()
        assert await here.ask() == "echo: hi"
        assert 0 < sum(here.waits) <= 20 and a.counters["requests"] == asked["a"] + 1


CUTS = ["cut-stream:after=12", "end-early:after=12", "error-in-stream:after=12", "stall:after=12"]


@pytest.mark.parametrize("fault", CUTS)
async def test_what_was_shown_of_a_broken_answer_is_replaced_by_the_next_ones(
    http: HttpClient, fault: str
) -> None:
    async with openai(fault) as broken, openai() as sound:
        here = Managed(http, {"a": {**broken.entry, "timeout": 0.5}, "b": sound.entry}, ("b",))
        assert await here.ask(LONG, stream=True) == ANSWER
        assert sum(chunk.afresh for chunk in here.chunks) == 1
        assert (broken.counters["requests"], sound.counters["requests"]) == (1, 1)
    (kind,) = [kind for _, _, kind in here.failed()]
    assert kind == ("overloaded" if "error" in fault else "stalled" if "stall" in fault else "truncated")
    assert (here.notes["provider"], here.notes["key"]) == ("b", "key")


@pytest.mark.parametrize("fault", [cut.replace("12", "0") for cut in CUTS[:3]])
async def test_nothing_was_shown_so_nothing_is_taken_back(http: HttpClient, fault: str) -> None:
    async with openai(fault) as broken, openai() as sound:
        here = Managed(http, {"a": {**broken.entry, "timeout": 0.5}, "b": sound.entry}, ("b",))
        assert await here.ask(LONG, stream=True) == ANSWER
        assert not any(chunk.afresh for chunk in here.chunks)


async def test_a_line_that_cannot_be_read_costs_no_answer(http: HttpClient) -> None:
    async with openai("bad-line:after=5") as far:
        here = Managed(http, {"a": far.entry, "b": scripted("never")}, ("b",))
        assert await here.ask(LONG, stream=True) == ANSWER
        assert here.notes["unread"] == 1


async def test_a_rate_in_mid_stream_without_anybody_else_fails_the_turn_once(http: HttpClient) -> None:
    async with openai("error-in-stream:after=5:code=429") as far:
        here = Managed(http, {"a": far.entry})
        with anyio.fail_after(PATIENCE), pytest.raises((Truncated, Overloaded, RateLimited)):
            await here.ask(LONG, stream=True)
        assert (far.counters["requests"], here.waits) == (1, [])


@pytest.mark.full
async def test_who_was_asked_when_the_time_was_nearly_up_is_not_blamed(http: HttpClient) -> None:
    async with openai("hang") as dead, openai("hang") as late:
        entries = {"a": {**dead.entry, "timeout": 0.2}, "b": {**late.entry, "timeout": 10}}
        here = Managed(http, {**entries, "c": scripted("me")}, ("b", "c"))
        for _ in range(3):
            with pytest.raises((NetworkFailed, TimedOut)):
                await here.ask(deadline=anyio.current_time() + 0.3)
        assert ("b", "key", "timed_out") in here.failed()
        assert ("a", "degraded") in here.told and ("b", "degraded") not in here.told
        circuits = {key.provider: circuit for key, circuit in here.standing.breakers.items() if key.model}
        assert circuits["b"].state == "closed" and not here.standing.tally("b").errors


@pytest.mark.slow
async def test_who_has_all_of_a_requests_time_and_says_nothing_is_left_alone(http: HttpClient) -> None:
    async with openai("hang") as dead, openai() as well:
        entries = {"a": {**dead.entry, "timeout": 60}, "b": well.entry}
        here = Managed(http, entries, ("b",), chat={"timeout": 0.3})
        for _ in range(2):
            with pytest.raises(NetworkFailed):
                await here.ask()
        assert await here.ask(deadline=anyio.current_time() + PATIENCE) == "echo: hi"
        assert here.notes["skipped"][0]["provider"] == "a"


class _Plugin:
    """A provider of somebody else's, with a mistake in it."""

    async def chat(self, request: ChatRequest) -> Chunks:
        for text in ("a ", "b "):
            yield Chunk(text=text if request.stream else "")
        raise KeyError("choices")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_mistake_in_somebodys_provider_does_not_end_the_line(
    http: HttpClient, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    def build(name: str, *_: object) -> object:
        if name == "broken":
            raise TypeError("unexpected argument")
        return _Plugin()

    kind = type("Kind", (), {"build": staticmethod(build)})
    load = registry.load
    monkeypatch.setattr(registry, "load", lambda group, name: kind if name == "ollama" else load(group, name))
    strange = {"type": "ollama", "models": ["m"]}
    here = Managed(http, {"a": strange, "broken": strange, "b": scripted("me")}, ("broken", "b"))
    assert await here.ask(stream=stream) == "me"
    assert [name for name, *_ in here.failed()] == (["a", "broken"] if stream else ["a"] * 2 + ["broken"] * 2)
    assert "KeyError: 'choices'" in here.notes["failures"][0]["why"]
    await here.ask(stream=stream)
    await here.ask(stream=stream)
    assert {each["provider"] for each in here.notes["skipped"]} == {"a", "broken"}, "and it is left alone"


async def test_a_wait_beyond_the_deadline_is_not_begun_where_another_can_answer(http: HttpClient) -> None:
    async with Refusing(
        429, error("rate_limit_exceeded", "requests"), "Retry-After: 120\r\n"
    ).running() as far:
        here = Managed(http, {"a": far.entry, "b": scripted("me")}, ("b",))
        deadline = anyio.current_time() + 20
        for _ in range(10):
            assert await here.ask(deadline=deadline) == "me"
        assert (far.requests, here.waits) == (1, []), "and it is left alone for as long as it asked"


async def test_the_only_one_is_not_left_alone_for_a_rate_unless_that_is_wanted(http: HttpClient) -> None:
    refusal = error("rate_limit_exceeded", "requests")
    async with Refusing(429, refusal, "Retry-After: 120\r\n").running() as far:
        here = Managed(http, {"a": far.entry})
        for _ in range(2):
            with pytest.raises(RateLimited):
                await here.ask()
        assert (far.requests, here.waits) == (2, [])
        here = Managed(http, {"a": far.entry}, selection={"cool_the_only": True})
        for _ in range(3):
            with pytest.raises(RateLimited):
                await here.ask()
        assert far.requests == 3


# --- several keys


async def test_the_next_key_is_used_in_the_same_call_and_a_refused_one_is_told(http: HttpClient) -> None:
    async with openai() as far:
        far.refused = {"sk-wrong": "invalid_api_key"}
        entry = {**far.entry, "api_keys": ["sk-wrong", {"key": "sk-good", "label": "good"}]}
        del entry["api_key"]
        here = Managed(http, {"a": entry})
        for _ in range(6):
            assert await here.ask() == "echo: hi"
        assert far.counters["requests"] == 7, "the wrong key once"
        assert here.told == [("a", "degraded")], "and it stays told while the other one answers"
        (row,) = await here.manager.status()
        assert [(key.label, key.state) for key in row.keys] == [("key1", "disabled"), ("good", "ok")]
        assert row.state == "degraded" and "sk-wrong" not in orjson.dumps(row.to_json()).decode()


async def test_a_throttled_key_gives_way_without_a_wait(http: HttpClient) -> None:
    async with openai() as far:
        far.refused = {"sk-1": "rate_limit_exceeded", "sk-2": "insufficient_quota"}
        entry = {**far.entry, "api_keys": ["sk-1", "sk-2", "sk-3"]}
        del entry["api_key"]
        here = Managed(http, {"a": entry})
        assert await here.ask() == "echo: hi"
        assert here.waits == [] and here.notes["key"] == "key3"
        assert here.failed() == [("a", "key1", "rate_limited"), ("a", "key2", "quota_exceeded")]
        assert dict(here.standing.attempts()) == {
            ("a", "key1", "rate_limited"): 1,
            ("a", "key2", "quota_exceeded"): 1,
            ("a", "key3", "answered"): 1,
        }


async def test_a_dead_server_is_not_asked_with_each_of_its_keys(http: HttpClient) -> None:
    async with openai("500") as far:
        entry = {**far.entry, "api_keys": ["1", "2", "3", "4"]}
        here = Managed(http, {"a": entry, "b": scripted("me")}, ("b",))
        assert await here.ask() == "me"
        assert far.counters["requests"] == 2


@pytest.mark.parametrize("keys", [["1"], ["1", "2"], ["1", "2", "3"]])
async def test_more_keys_of_the_only_server_do_not_make_it_fail_sooner(
    http: HttpClient, keys: list[str]
) -> None:
    async with openai("500:n=7") as far:
        entry = {**far.entry, "api_keys": keys}
        del entry["api_key"]
        here = Managed(http, {"a": entry})
        with pytest.raises(Overloaded):
            await here.ask()
        assert far.counters["requests"] == 4, "its other keys are no replacement"
        assert await here.ask() == "echo: hi", "nor is it left alone: it answers to the fourth try"
        assert await here.ask() == "echo: hi"
        assert "skipped" not in here.notes


@pytest.mark.parametrize("status", [401, 429])
async def test_a_secret_in_a_refusal_is_kept_nowhere(http: HttpClient, status: int) -> None:
    redactor.register("planted-fake-secret-0123")
    refusal = error("rate_limit_exceeded", "requests")
    refusal["error"]["message"] = "the key planted-fake-secret-0123 is throttled"
    store = MemoryStore()
    async with store.opened(), Refusing(status, refusal).running() as far:
        entries = {"a": far.entry, "b": scripted("me")}
        here = Managed(http, entries, ("b",), store=store, now=time.time())
        assert await here.ask() == await here.ask() == "me"
        rows = [row.to_json() for row in await here.manager.status()]
        kept = await store.keep.items("mindbot", "providers", "", 9)
        shown = orjson.dumps([rows, kept, here.notes]).decode()
        assert "is throttled" in shown and "planted-fake" not in shown


async def test_a_key_that_was_refused_is_tried_again_after_a_reload(http: HttpClient) -> None:
    async with Refusing(401, error("invalid_api_key")).running() as far:
        here = Managed(http, {"a": far.entry})
        for _ in range(3):
            with pytest.raises(AuthFailed):
                await here.ask()
        assert far.requests == 1
        again = Managed(http, {"a": far.entry}, standing=here.standing)
        with pytest.raises(AuthFailed):
            await again.ask()
        assert far.requests == 2


async def test_a_key_that_cannot_be_read_is_told_and_the_next_one_used(http: HttpClient) -> None:
    async with openai() as far:
        entry = {**far.entry, "api_keys": ["lost", "good"]}
        del entry["api_key"]
        here = Managed(http, {"a": entry})
        for _ in range(4):
            assert await here.ask() == "echo: hi"
        assert here.told == [("a", "degraded")]
        (row,) = await here.manager.status()
        assert [key.state for key in row.keys] == ["disabled", "ok"]


async def test_a_reload_tells_anew_who_is_left_alone(http: HttpClient) -> None:
    async with Refusing(429, error("insufficient_quota")).running() as poor:
        entries = {"poor": poor.entry, "b": scripted("me")}
        here = Managed(http, entries, ("b",))
        await here.ask()
        again = Managed(http, entries, ("b",), standing=here.standing, now=here.now)
        for _ in range(3):
            assert await again.ask() == "me"
        assert again.told == [("poor", "degraded")] and poor.requests == 1


async def test_embeddings_use_the_same_keys(http: HttpClient) -> None:
    async with openai() as far:
        far.refused = {"sk-1": "invalid_api_key", "sk-2": "insufficient_quota"}
        entry = {**far.entry, "api_keys": ["sk-1", "sk-2", "sk-3"]}
        del entry["api_key"]
        here = Managed(http, {"a": entry, "b": scripted("me")})
        for _ in range(4):
            found = await here.manager.embed(["one", "two"], provider="a", model="text-embedding-3-small")
            assert len(found.vectors) == 2
        assert far.counters["requests"] == 6
        (row, _) = await here.manager.status()
        assert [key.state for key in row.keys] == ["disabled", "cooling", "ok"]
        assert row.calls_today == 4
        assert here.told == [("a", "degraded")] * 2, "one for each key that a person must look after"
        with pytest.raises(ConfigError, match="no embeddings"):
            await here.manager.embed(["one"], provider="b")


# --- strategies


async def test_each_in_turn_and_who_fails_gives_way(http: HttpClient) -> None:
    async with openai("500") as far:
        entries = {"a": scripted("a"), "b": far.entry, "c": scripted("c")}
        here = Managed(http, entries, selection={"strategy": "round_robin"})
        assert [await here.ask() for _ in range(6)] == ["a", "c", "c", "a", "c", "c"]
        assert await here.ask(provider="a") == "a" and here.notes["choice"] == "named"
        assert far.counters["requests"] == 2


@pytest.mark.parametrize("strategy", ["round_robin", "weighted", "performance_based", "least_busy", "cost"])
async def test_behind_a_named_one_stand_all_others(http: HttpClient, strategy: str) -> None:
    entries = {"dead": scripted(error="overloaded"), "a": scripted("a"), "b": scripted("b")}
    here = Managed(http, entries, selection={"strategy": strategy})
    assert await here.ask(provider="dead") in ("a", "b") and here.notes["choice"] == "named"
    assert await here.ask(provider="dead") in ("a", "b"), "and while it is left alone"
    first = Managed(http, entries)
    with pytest.raises(Overloaded):
        await first.ask(provider="dead")


async def test_a_named_one_takes_nobodys_turn(http: HttpClient) -> None:
    entries = {"a": scripted("a"), "b": scripted("b"), "c": scripted("c")}
    for strategy in ("round_robin", "weighted"):
        here = Managed(http, entries, selection={"strategy": strategy})
        asked = ["", "c", "", "c", ""]
        assert [await here.ask(provider=name) for name in asked] == ["a", "c", "b", "c", "c"]


async def test_of_those_that_have_the_model_asked_for_one_answers(http: HttpClient) -> None:
    entries = {"a": scripted("a"), "b": scripted("b", models=["big"]), "c": scripted("c", models=["big"])}
    here = Managed(http, entries, selection={"strategy": "round_robin"})
    assert [await here.ask(model="big") for _ in range(3)] == ["b", "c", "b"]


async def test_one_that_is_switched_off_is_never_asked(http: HttpClient) -> None:
    here = Managed(http, {"a": scripted("a"), "b": scripted("b")}, ("b",))
    assert (await here.manager.switch("a", on=False)).state == "off"
    assert await here.ask() == "b" and await here.ask(provider="a") == "b"
    assert (await here.manager.switch("a", on=True)).state == "ok"
    assert await here.ask() == "a"


async def test_that_nobody_may_be_asked_is_known_before_anybody_asks(http: HttpClient) -> None:
    here = Managed(http, {"a": scripted("a"), "b": scripted("b", enabled=False)})
    assert here.manager.trouble() is None
    await here.manager.switch("a", on=False)
    told = here.manager.trouble()
    assert told is not None and told.message == "no provider is enabled: a was switched off"
    assert told.hint == "mindbot provider enable a"
    with pytest.raises(NotFound, match="a was switched off"):
        await here.ask()
    here = Managed(http, {"b": scripted("b", enabled=False)})
    told = here.manager.trouble()
    assert told is not None and told.hint == "set providers.b.enabled: true and reload"


async def test_that_the_one_that_is_named_may_not_be_asked_is_trouble_where_nobody_stands_behind_it(
    http: HttpClient,
) -> None:
    entries = {"a": scripted("a", enabled=False), "b": scripted("b")}
    told = Managed(http, entries, chat={"provider": "a"}).manager.trouble()
    assert told is not None and "no provider named 'a' is enabled" in str(told)
    assert Managed(http, entries, ("b",), chat={"provider": "a"}).manager.trouble() is None
