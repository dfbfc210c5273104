"""Health in a line follows what happens, and is told to whoever looks."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import NotFound, Rejected
from mindbot.domain.message import Message, Part, text_part
from mindbot.domain.ports.platform import Receive, Report
from mindbot.runtime.app import Runtime
from mindbot.runtime.lately import Lately
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio


class Refusing:
    """A bot whose platform refuses what it sends."""

    name, bot, idempotent = "phone", "default", True
    refuses = True
    breaks = False
    hangs = False

    def __init__(self) -> None:
        self.asked = anyio.Event()

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        if self.breaks:
            raise KeyError("a mistake of the adapter")
        return [[part] for part in parts]

    def address(self, user: str) -> dict[str, str]:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        self.asked.set()
        if self.hangs:
            await anyio.sleep_forever()
        if self.refuses:
            raise Rejected("not to this user")
        return Sent()


def a_message(key: str) -> Message:
    fields: dict[str, Any] = {"received": time.time(), "parts": (text_part("hello"),), "kind": "text"}
    return Message("phone", "default", key, "phone:default:lin", "lin", reply_to={}, **fields)


@asynccontextmanager
async def a_runtime(folder: Path, phone: Refusing, places: MemoryPlaces) -> AsyncIterator[Runtime]:
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), folder, store=places.store) as runtime:
            runtime.outbox.serve(Bot.of(phone))
            yield runtime


async def told(runtime: Runtime, so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the first summary on the bus that is so."""
    with runtime.bus.observe({"health"}) as observer:
        while True:
            events, _ = await observer.batch()
            for event in events:
                if event.type == "health.summary" and so(dict(event.data)):
                    return dict(event.data)


@pytest.mark.full
async def test_an_answer_that_does_not_arrive_is_in_health_until_somebody_decides(tmp_path: Path) -> None:
    phone, places = Refusing(), MemoryPlaces()
    async with a_runtime(tmp_path, phone, places) as runtime:
        await told(runtime, lambda health: bool(health["counted"]) and not health["undelivered"])
        await runtime.receive(a_message("m1"))
        found = await told(runtime, lambda health: health["undelivered"] == 1)
        assert found["words"] == ["1 undelivered", "1 dead"] and not found["ok"]
        assert runtime.resources.about.status()["health"] == found
    async with a_runtime(tmp_path, phone, places) as runtime:  # the same after a restart
        found = await told(runtime, lambda health: bool(health["counted"]))
        assert (found["undelivered"], found["dead_letters"]) == (1, 1)
        [letter] = await runtime.resources.dead_letters.list_dead_letters()
        phone.refuses = False
        await runtime.resources.dead_letters.retry_dead_letter(letter["id"])
        found = await told(runtime, lambda health: health["undelivered"] == 0)
        assert found["dead_letters"] == 0


@pytest.mark.full
async def test_a_turn_that_is_given_up_is_in_health_until_somebody_decides(tmp_path: Path) -> None:
    phone, places = Refusing(), MemoryPlaces()
    phone.breaks = True
    async with a_runtime(tmp_path, phone, places) as runtime:
        await told(runtime, lambda health: bool(health["counted"]))
        await runtime.receive(a_message("m1"))
        found = await told(runtime, lambda health: health["dead_letters"] == 1)
        assert found["undelivered"] == 0 and "1 dead" in found["words"]
    async with a_runtime(tmp_path, phone, places) as runtime:
        await told(runtime, lambda health: health["dead_letters"] == 1)
        await runtime.receive(a_message("m2"))
        await told(runtime, lambda health: health["dead_letters"] == 2)
        for letter in await runtime.resources.dead_letters.list_dead_letters():
            await runtime.resources.dead_letters.discard_dead_letter(letter["id"])
        await told(runtime, lambda health: health["dead_letters"] == 0)


async def test_an_answer_whose_first_attempt_hangs_waits(tmp_path: Path) -> None:
    phone, places = Refusing(), MemoryPlaces()
    phone.hangs = True
    async with a_runtime(tmp_path, phone, places) as runtime:
        await runtime.receive(a_message("m1"))
        await phone.asked.wait()
        assert runtime.watch.summary()["waiting"]["answers"] == 0
        assert runtime.outbox.held_up(time.time() + 3600)[0] == 1
        runtime.outbox.hold("phone", "default")
        assert runtime.outbox.held_up(time.time() + 3600) == (0, 0.0), "an operator stopped the bot"


async def test_a_component_that_fails_is_named(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, Refusing(), MemoryPlaces()) as runtime:
        runtime.board.report("bot wecom/hr", "failed", "40001: invalid credential")
        found = await told(runtime, lambda health: not health["ok"])
        assert found["words"] == ["wecom/hr down"]
        assert found["not_ok"][0]["reason"] == "40001: invalid credential"
        runtime.board.report("bot wecom/hr", "ok")
        assert (await told(runtime, lambda health: bool(health["ok"])))["words"] == []


async def test_the_share_of_failures_is_that_of_turns_that_ended_lately(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, Refusing(), MemoryPlaces()) as runtime:
        stats = runtime.stats
        stats.lately.add(0)
        for _ in range(3):
            stats.lately.add(1)
        found = await told(runtime, lambda health: bool(health["failing"]["ended"]))
        assert found["failing"] == {"window_s": 300.0, "ended": 4, "failed": 3, "share": 0.75}
        assert "75 % failing" in found["words"]


async def test_what_failed_before_a_restart_is_in_the_share_after_it(tmp_path: Path) -> None:
    places = MemoryPlaces()
    async with a_runtime(tmp_path, Refusing(), places) as runtime:
        for n, state in enumerate(("answered", "failed", "failed", "dropped")):
            turn, _ = await runtime.store.inbox.put(a_message(f"m{n}"))
            turn.state, turn.finished = state, time.time()  # type: ignore[assignment]
            await runtime.store.turns.finish(turn, [])
    async with a_runtime(tmp_path, Refusing(), places) as runtime:
        found = await told(runtime, lambda health: bool(health["counted"]))
        assert (found["failing"]["ended"], found["failing"]["failed"]) == (3, 2) and not found["ok"]
        assert "67 % failing" in found["words"]


async def test_what_operators_try_out_is_not_in_the_share_of_failures(tmp_path: Path) -> None:
    phone = Refusing()
    phone.breaks = True
    async with a_runtime(tmp_path, phone, MemoryPlaces()) as runtime:
        await runtime.receive(replace(a_message("m1"), origin="test"))
        await told(runtime, lambda health: health["dead_letters"] == 1)
        await runtime.receive(replace(a_message("m2"), tried_for="phone:default:lin"))
        await until(lambda: runtime.stats.answered + runtime.stats.dead == 2)
        assert runtime.stats.ended_lately() == (0, 0)
        await runtime.receive(a_message("m3"))
        await told(runtime, lambda health: health["failing"]["failed"] == 1)


def test_what_is_long_ago_falls_out_of_the_counts() -> None:
    now = 100.0
    counts = Lately(2, 3, 10.0, lambda: now)
    counts.add(0)
    counts.add(1)
    now = 110.0
    counts.add(0)
    assert (counts.series(0), counts.series(1), counts.sum(0)) == ([0, 1, 1], [0, 1, 0], 2)
    now = 130.0
    assert counts.series(0) == [1, 0, 0]
    now = 1000.0
    assert (counts.series(0), counts.sum(1)) == ([0, 0, 0], 0)
    counts.recall(1, 4, 11.0)
    counts.recall(1, 9, 30.0)
    counts.recall(1, 2, -5.0)
    assert counts.series(1) == [0, 4, 2]
    now = 990.0  # a clock that goes back changes nothing
    counts.add(0)
    assert counts.sum(0) == 1


@pytest.mark.full
@pytest.mark.parametrize("at_once", [1000, 1])
async def test_failures_are_bundled_and_a_bundle_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("mindbot.runtime.resources.failures._LETTERS", at_once)
    phone, places = Refusing(), MemoryPlaces()
    async with a_runtime(tmp_path, phone, places) as runtime:
        for key in ("m1", "m2"):
            await runtime.receive(a_message(key))
        await told(runtime, lambda health: health["undelivered"] == 2)
        failures = runtime.resources.failures
        [bundle] = (await failures.failures(3600))["bundles"]
        assert (bundle["kind"], bundle["component"], bundle["turns"]) == ("undelivered", "phone/default", 2)
        assert (bundle["people"], bundle["waiting"]) == (1, 1)
        [who] = (await failures.bundle(bundle["id"], 3600))["who"]
        assert who["user"] == "lin" and len(who["turns"]) == 2
        phone.refuses = False
        done = await failures.retry(bundle["id"], 3600)
        assert [each["done"] for each in done["settled"]] == [True, True] and done["left"] == 0
        await told(runtime, lambda health: health["undelivered"] == 0)
        assert (await failures.failures(3600))["bundles"] == []
        with pytest.raises(NotFound, match="no failures"):
            await failures.bundle(bundle["id"], 3600)
