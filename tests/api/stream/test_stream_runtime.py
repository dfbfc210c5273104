"""The real runtime tells a console what it needs; list, trace and stream agree on a turn."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
import structlog

from mindbot.bus import Observer
from mindbot.config.load import load
from mindbot.domain.chat import Chunk
from mindbot.domain.errors import BadFilter, Invalid, NotFound
from mindbot.domain.events import Event
from mindbot.domain.turn import Turn
from mindbot.filters.fields import EVENT_FIELDS, TURN_FIELDS
from mindbot.filters.language import parse
from mindbot.runtime.app import Runtime
from mindbot.runtime.events import tell_stats
from mindbot.telemetry.redaction import redactor
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with Runtime.open(load([], environ={}), tmp_path) as found:
        yield found


@pytest.fixture
def log() -> Iterator[Any]:
    """A logger as `telemetry.logging.setup` makes them, without the rest that it sets up."""
    logger = logging.getLogger("mindbot.test")
    logger.setLevel("INFO")
    yield structlog.wrap_logger(
        logger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logger.setLevel(logging.NOTSET)


async def until(observer: Observer, kind: str) -> list[Event]:
    found: list[Event] = []
    with anyio.fail_after(PATIENCE):
        while not any(event.type == kind for event in found):
            found += (await observer.batch())[0]
    return found


async def ask(runtime: Runtime, text: str, **who: str) -> dict[str, Any]:
    turn = await runtime.resources.turns.inject(text=text, **who)
    return await runtime.resources.turns.wait_turn(turn, PATIENCE)


async def test_a_turn_is_told_from_queued_to_answered(runtime: Runtime) -> None:
    with runtime.bus.observe({"turn", "delivery"}) as observer:
        turn = await runtime.resources.turns.inject(text="hello", user="alice")
        events = await until(observer, "delivery.sent")
        if not any(e.type == "turn.answered" for e in events):
            events += await until(observer, "turn.answered")
    assert {e.type for e in events} == {"turn.queued", "turn.running", "turn.answered", "delivery.sent"}
    assert {e.turn for e in events} == {turn}
    states = [e.data["state"] for e in events if e.type.startswith("turn.")]
    assert states == ["queued", "running", "answered"]


async def test_events_lists_and_views_say_the_same_of_a_turn(runtime: Runtime) -> None:
    with runtime.bus.observe({"turn"}) as observer:
        view = await ask(runtime, "hello", user="alice")
        events = await until(observer, "turn.answered")
    told = events[-1].data
    (listed,) = await runtime.resources.turns.list_turns()
    for name in (*told, "reply", "provider", "tokens"):
        if name != "route":  # a view has the whole decision
            assert told[name] == listed[name] == view[name], name
    assert told["route"] == listed["route"] == view["route"]["why"]
    spans = await runtime.resources.turns.get_spans(view["id"])
    assert [s["name"] for s in spans if s["kind"] == "model"] == ["scripted"]
    known = {field.name for field in EVENT_FIELDS.fields} | {"took_ms"}
    assert told.keys() <= known


async def test_every_filter_means_the_same_in_a_list_and_in_the_stream(runtime: Runtime) -> None:
    with runtime.bus.observe({"turn"}) as observer:
        await ask(runtime, "hello", user="alice")
        told = (await until(observer, "turn.answered"))[-1].data
    for text in ('user == "alice" and took > 1us', "state == failed", "hello", "provider == scripted"):
        keep = parse(text, TURN_FIELDS).compile()
        assert keep(told) == bool(await runtime.resources.turns.list_turns(filter=text)), text


async def test_a_running_turn_is_listed_as_running(runtime: Runtime) -> None:
    started, go_on = anyio.Event(), anyio.Event()
    pipeline = runtime.generation.pipeline

    async def slow(turn: Any) -> None:
        started.set()
        await go_on.wait()
        await pipeline(turn)

    runtime.generation.pipeline = slow
    turn = await runtime.resources.turns.inject(text="hello")
    with anyio.fail_after(PATIENCE):
        await started.wait()
        assert [t["state"] for t in await runtime.resources.turns.list_turns()] == ["running"]
        assert (await runtime.resources.turns.get_turn(turn))["state"] == "running"
        go_on.set()
        assert (await runtime.resources.turns.wait_turn(turn, PATIENCE))["state"] == "answered"


async def test_spans_are_told_only_while_somebody_looks(runtime: Runtime) -> None:
    assert not runtime.generation.tracer.active
    with runtime.bus.observe({"span"}) as observer:
        assert runtime.generation.tracer.active
        view = await ask(runtime, "hello")
        found = (await until(observer, "span.closed")) + observer.take()[0]
    assert not runtime.generation.tracer.active
    closed = [e.data for e in found if e.type == "span.closed"]
    assert {(d["kind"], d["name"]) for d in closed} == {(s["kind"], s["name"]) for s in view["spans"]}
    opened = [e.data["span"] for e in found if e.type == "span.opened"]
    assert opened == [s["id"] for s in view["spans"]] and len(closed) == len(opened)


async def test_a_running_turns_steps_are_seen_while_they_run(runtime: Runtime) -> None:
    started, go_on = anyio.Event(), anyio.Event()

    async def slow(turn: Turn) -> AsyncGenerator[Chunk, None]:
        async with turn.span("tool", "search"):
            started.set()
            await go_on.wait()
            yield Chunk("found", finish="stop")

    runtime.generation.runners["chat"] = SimpleNamespace(run=slow)
    turn = await runtime.resources.turns.inject(text="hello")
    with anyio.fail_after(PATIENCE):
        await started.wait()
        spans = await runtime.resources.turns.get_spans(turn)
        assert (spans[-1]["name"], spans[-1]["took_ms"]) == ("search", None), "it has begun"
        assert spans[-1]["parent"] == spans[-2]["id"] and spans[-2]["name"] == "run"
        go_on.set()
        await runtime.resources.turns.wait_turn(turn, 10)


async def test_a_long_text_is_cut_in_events_only(runtime: Runtime) -> None:
    with runtime.bus.observe({"turn"}) as observer:
        view = await ask(runtime, "x" * 5000)
        events = await until(observer, "turn.answered")
    assert {len(e.data["text"]) for e in events} == {2000} and len(view["text"]) == 5000


async def test_numbers_are_told_while_somebody_looks(runtime: Runtime) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tell_stats, runtime.bus, runtime.resources.about.status, 0.01)
        with runtime.bus.observe({"stats"}) as observer:
            tick = (await until(observer, "stats.tick"))[0].data
            assert tick["received_per_s"] == tick["running"] == 0
            await ask(runtime, "hello")
            with anyio.fail_after(PATIENCE):
                while not tick["sent_per_s"]:
                    ticks = [event.data for event in await until(observer, "stats.tick")]
                    tick = max(ticks, key=lambda each: each["sent_per_s"])  # a busy machine reads several
        tasks.cancel_scope.cancel()
    assert {"answered_per_s", "queued", "outbox", "loop_lag_ms", "rss_bytes"} <= tick.keys()


async def test_log_lines_are_kept_and_told_without_secrets(runtime: Runtime, log: Any) -> None:
    log.info("before", turn="T1")
    with runtime.bus.observe({"log"}) as observer:
        log.warning("signed in", authorization="Bearer abcdef123456")
        await anyio.to_thread.run_sync(logging.getLogger("elsewhere").error, "from a thread")
        lines = await until(observer, "log.line")
        while len(lines) < 2:
            lines += await until(observer, "log.line")
    assert [(e.data["level"], e.data["component"], e.data["text"]) for e in lines] == [
        ("warning", "mindbot.test", "signed in"),
        ("error", "elsewhere", "from a thread"),
    ]
    assert "abcdef" not in str(lines)
    assert [line["text"] for line in runtime.resources.logs.logs(filter='component == "mindbot.test"')] == [
        "before",
        "signed in",
    ]
    assert [line["text"] for line in runtime.resources.logs.logs(limit=1)] == ["from a thread"]
    assert runtime.resources.logs.logs(filter="turn == T1")[0]["fields"] == {"turn": "T1"}
    with pytest.raises(BadFilter):
        runtime.resources.logs.logs(filter="level = error")


async def test_log_levels_change_at_once_and_all_or_none(runtime: Runtime, log: Any) -> None:
    runtime.resources.logs.set_log_levels({"mindbot.test": "error"})
    log.warning("unheard")
    with pytest.raises(Invalid):
        runtime.resources.logs.set_log_levels({"mindbot.test": "debug", "x": "loud"})
    with pytest.raises(Invalid):
        runtime.resources.logs.set_log_levels({"": ""})
    assert runtime.resources.logs.log_levels()["mindbot.test"] == "error"
    runtime.resources.logs.set_log_levels({"mindbot.test": ""})
    assert "mindbot.test" not in runtime.resources.logs.log_levels()
    assert not runtime.resources.logs.logs(filter="unheard")


async def test_sessions_count_their_turns_and_page(runtime: Runtime) -> None:
    for user in ("alice", "bob", "alice"):
        await ask(runtime, f"from {user}", user=user)
    newest, oldest = await runtime.resources.sessions.list_sessions()
    assert (newest["user"], newest["turns"], newest["text"]) == ("alice", 2, "from alice")
    assert (oldest["user"], oldest["turns"]) == ("bob", 1)
    assert await runtime.resources.sessions.list_sessions(limit=1, before=newest["last"]) == [oldest]


async def test_bots_are_shown_and_restarted(runtime: Runtime) -> None:
    assert runtime.resources.platforms.platform("console", "default")["state"] == "ok"
    with runtime.bus.observe({"health"}) as observer:
        await runtime.resources.platforms.restart_platform("console", "default")
        states = []
        while "ok" not in states:
            states += [e.data["state"] for e in (await observer.batch())[0]]
    assert states == ["starting", "ok"]
    with pytest.raises(NotFound):
        await runtime.resources.platforms.restart_platform("console", "other")


async def test_the_configuration_and_what_another_would_change(runtime: Runtime) -> None:
    found = runtime.resources.config.config()
    assert found["values"]["log.level"] == "info" and found["origins"]["log.level"] == "default"
    other = load([], environ={}, overrides={"log": {"level": "debug"}})
    assert runtime.resources.config.changes(other) == [{"key": "log.level", "old": "info", "new": "debug"}]


async def test_any_number_and_half_a_character_in_a_log_line_is_shown(runtime: Runtime, log: Any) -> None:
    with runtime.bus.observe({"log"}) as observer:
        log.warning("odd", most=float("inf"), none=float("nan"), huge=10**40, half="\ud83d", raw=b"\xff")
        events = await until(observer, "log.line")
    line = runtime.resources.logs.logs(filter='text == "odd"')[-1]
    odd = {"most": None, "none": None, "huge": 1e40, "half": "\ufffd", "raw": "\ufffd"}
    assert line["fields"] == odd == next(e for e in events if e.data["text"] == "odd").data["fields"]


async def test_a_reason_that_repeats_a_secret_is_masked_everywhere(runtime: Runtime) -> None:
    redactor.register("Fake-Echoed-Secret-1")
    page = "refused: {'clientSecret': 'Fake-Echoed-Secret-1'} " + "x" * 100_000
    with runtime.bus.observe({"health"}) as observer:
        runtime.board.report("provider x", "failed", page)
        event = (await until(observer, "health.changed"))[-1]
    health = runtime.resources.about.health()
    told = next(each for each in health if each["component"] == "provider x")["reason"]
    for reason in (told, event.data["reason"]):
        assert "Fake-Echoed" not in reason and reason.startswith("refused:") and len(reason) <= 1000


async def test_a_secret_that_cannot_be_read_is_in_health_from_the_start_on(tmp_path: Path) -> None:
    text = 'providers: {scripted: {}, paid: {type: openai, api_key: "keyring:nobody-kept-it", models: [m]}}'
    (tmp_path / "m.yaml").write_text(text)
    async with Runtime.open(load([tmp_path / "m.yaml"], environ={}), tmp_path) as runtime:
        with anyio.fail_after(PATIENCE):
            while not (
                found := [each for each in runtime.resources.about.health() if each["component"] == "secrets"]
            ):
                await anyio.sleep(0.01)
    assert found[0]["state"] == "failed"
    assert "providers.paid.api_key: no secret named 'nobody-kept-it'" in found[0]["reason"]


async def test_an_answer_that_repeats_a_key_does_not_tell_it(runtime: Runtime) -> None:
    redactor.register("fake-key-that-is-long-enough")
    turn = await ask(runtime, "say fake-key-that-is-long-enough")
    assert "********" in turn["reply"] and "fake-key" not in turn["reply"]
