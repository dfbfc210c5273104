"""Health tells of answers that cannot be sent, and of turns that run for long, before anything has failed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from test_health import Refusing, a_message, a_runtime, told

from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.delivered import delivered_of
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import Overloaded
from mindbot.domain.message import Message, text_part
from mindbot.domain.turn import Turn
from mindbot.runtime import health, held_up, traffic
from mindbot.runtime.lifecycle import HealthBoard
from mindbot.runtime.traffic import TrafficCounts
from mindbot.testing.stores.memory.store import MemoryPlaces

pytestmark = pytest.mark.anyio

WHY = "60020: not allow to access from your ip"


class Barred(Refusing):
    """A bot whose platform refuses for now."""

    async def send(self, delivery: Delivery) -> Sent:
        if self.refuses:
            raise Overloaded(WHY)
        return Sent()


async def test_answers_that_wait_are_in_health_and_in_their_turns_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_up, "WAITS", 0.0)
    monkeypatch.setattr(health, "LOOK_AT_DELAYS", 0.02)
    monkeypatch.setattr(traffic, "_FEW", 1)
    phone = Barred()
    async with a_runtime(tmp_path, phone, MemoryPlaces()) as runtime:
        runtime.bots.use({("phone", "default"): (Bot.of(phone), None)})
        with runtime.bus.observe({"turn"}) as observer:
            receipt = await runtime.receive(a_message("m1"))
            event: dict[str, Any] = {}
            while not event.get("delivery_error"):  # who looks learns why, before it is given up on
                events, _ = await observer.batch()
                event = next((dict(e.data) for e in events if e.data.get("delivery_error")), {})
        assert event["delivery"] == "waiting" and WHY in event["delivery_error"]
        page = await runtime.resources.turns.list_turns(filter='delivery_error =~ "60020"')
        assert [each["id"] for each in page] == [ids.show(receipt.turn)]
        runtime.board.report("bot phone/default", "ok")  # as its adapter says
        found = await told(runtime, lambda health: len(health["words"]) == 2 and len(health["not_ok"]) == 1)
        assert found["words"][0] == "phone/default degraded"
        assert found["words"][1].startswith("1 answer waits") and not found["ok"]
        [bot] = found["not_ok"]
        assert bot["component"] == "bot phone/default" and WHY in bot["reason"]
        phone.refuses = False
        found = await told(runtime, lambda health: bool(health["ok"]))
        assert found["waiting"] == {"answers": 0, "oldest_s": 0.0}


async def test_turns_that_run_for_long_are_in_health(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SLOW", 0.0)
    monkeypatch.setattr(health, "LOOK_AT_DELAYS", 0.02)
    async with a_runtime(tmp_path, Refusing(), MemoryPlaces()) as runtime:
        hangs = anyio.Event()

        async def hang(turn: Turn) -> None:
            turn.state = "running"
            await hangs.wait()
            turn.state = "answered"

        runtime.dispatcher._work = hang
        await runtime.receive(a_message("m1"))
        found = await told(runtime, lambda health: health["slow"]["turns"] == 1)
        assert found["words"][0].startswith("1 turn runs")
        hangs.set()
        await told(runtime, lambda health: bool(health["ok"]))


def test_a_turn_whose_words_still_come_is_not_slow() -> None:
    now = time.time()
    message = Message(
        "phone", "default", "m1", "s", "lin", "text", (text_part("hello"),), {}, received=now - 90
    )
    turn = Turn(1, message, state="running", started=now - 60)
    assert health._silent(turn, now) == pytest.approx(60)
    turn.said_at = now - 1
    assert health._silent(turn, now) == pytest.approx(1)


def a_delivery(turn: int, n: int, created: float, error: str = "") -> Delivery:
    return Delivery(turn, n, "phone", "default", "s", {}, [], error=error, created=created)


def test_answers_behind_one_that_is_tried_again_wait_with_it() -> None:
    sessions = {
        ("phone", "default", "a"): [
            a_delivery(1, 0, 10.0, "60020"),
            a_delivery(1, 1, 10.0),
            a_delivery(2, 0, 40.0),
        ],
        ("phone", "default", "b"): [a_delivery(3, 0, 5.0)],
    }
    assert held_up.held_up(sessions, (), now=55.0) == (3, 50.0)
    assert held_up.held_up(sessions, (), now=30.0) == (1, 20.0), "what was not refused is on its way"
    assert held_up.held_up(sessions, {("phone", "default")}, now=55.0) == (0, 0.0), "an operator stopped it"


def test_a_bot_is_in_doubt_when_most_sends_fail_until_one_arrives() -> None:
    counts, now = TrafficCounts(), time.time()
    for _ in range(4):
        counts.refused(WHY, dead=False)
    assert counts.doubt(now) == "", "too few to say"
    counts.refused(WHY, dead=False)
    assert counts.doubt(now) == WHY
    counts.delivered(now)
    assert counts.doubt(now) == ""
    counts.refused(WHY, dead=False)
    assert counts.doubt(now) == "", "something arrived a moment ago"
    assert counts.doubt(now + 11) == WHY, "and now nothing does"


def test_a_doubt_stands_while_a_component_says_that_it_is_well() -> None:
    changes: list[tuple[str, str, str]] = []
    board = HealthBoard(lambda *change: changes.append(change))
    board.doubt("bot a/b", WHY)
    assert board.list() == [], "of what is not known nothing is said"
    board.report("bot a/b", "ok")
    board.doubt("bot a/b", WHY)
    board.report("bot a/b", "ok")
    assert (board.state("bot a/b"), board.reason("bot a/b")) == ("degraded", WHY)
    board.report("bot a/b", "failed", "down")
    assert board.reason("bot a/b") == "down", "what it says of itself is graver"
    board.report("bot a/b", "ok")
    board.doubt("bot a/b", "")
    assert [state for _, state, _ in changes] == ["ok", "degraded", "failed", "degraded", "ok"]


def test_of_an_answer_that_is_tried_again_the_reason_is_told() -> None:
    waits = delivered_of([(0, "sent", ""), (1, "pending", WHY), (2, "pending", "")])
    assert (waits.state, waits.error) == ("waiting", WHY)
    assert delivered_of([(0, "sent", WHY)]).error == ""
