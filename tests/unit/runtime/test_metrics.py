"""What Prometheus reads: stages, models and sends by how long they took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import Rejected
from mindbot.domain.events import Event
from mindbot.domain.message import Message, Part, text_part
from mindbot.domain.ports.platform import Receive, Report
from mindbot.domain.span import Span
from mindbot.domain.turn import Turn
from mindbot.runtime.app import Runtime
from mindbot.runtime.metrics import METRICS
from mindbot.runtime.stats import BOUNDS, Histogram, Stats
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Pager:
    """A bot whose first send is refused."""

    name, bot, idempotent = "pager", "default", True

    def __init__(self) -> None:
        self.sends = 0

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return [list(parts)]

    def address(self, user: str) -> dict[str, str]:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        self.sends += 1
        if self.sends == 1:
            raise Rejected("no such number")
        return Sent()


def samples(text: bytes) -> Samples:
    families = text_string_to_metric_families(text.decode())
    return {(s.name, frozenset(s.labels.items())): s.value for each in families for s in each.samples}


def of(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def a_message(key: str) -> Message:
    return Message(
        "pager", "default", key, "pager:default:bo", "bo", reply_to={}, received=time.time(),
        parts=(text_part("on call?"),), kind="text",
    )  # fmt: skip


async def test_stages_models_and_sends_are_counted_by_what_they_took(tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), tmp_path) as runtime:
            runtime.outbox.serve(Bot.of(Pager()))
            for key in ("m1", "m2"):
                turn = (await runtime.receive(a_message(key))).turn
                await runtime.resources.turns.wait_turn(ids.show(turn), PATIENCE)
                await runtime.outbox.drained()
            text = runtime.resources.about.metrics()
    found = samples(text)
    for stage in ("deliver", "run"):
        assert of(found, "mindbot_stage_seconds_count", stage=stage) == 2
    assert of(found, "mindbot_model_seconds_count", provider="scripted") == 2
    assert of(found, "mindbot_model_attempts_total", provider="scripted", key="", outcome="answered") == 2
    assert of(found, "mindbot_turn_seconds_count", state="answered") == 2
    assert of(found, "mindbot_send_seconds_count", platform="pager", bot="default") == 2, "a refused one too"
    assert of(found, "mindbot_deliveries_total", state="dead") == 1
    assert {name.removesuffix("_total") for name, _ in found} >= {m.name for m in METRICS if not m.labels}


async def test_what_handlers_lost_is_among_the_metrics(tmp_path: Path) -> None:
    async def hang(event: Event) -> None:
        await anyio.sleep_forever()

    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), tmp_path) as runtime:
            subscription = runtime.bus.subscribe("plugin x", hang)
            runtime.bus.publish(Event("config.reloaded"))
            await anyio.wait_all_tasks_blocked()
            await runtime.bus.unsubscribe(subscription, within=0)
            found = samples(runtime.resources.about.metrics())
    assert of(found, "mindbot_handler_events_total", handler="plugin x", outcome="dropped") >= 1


def test_a_stage_is_charged_with_its_own_time_and_that_of_its_steps() -> None:
    stats, now = Stats(), time.time()
    turn = Turn(1, a_message("m"), state="answered", finished=now)
    turn.spans = [
        Span(1, 0, "stage", "outer", now, 1.0),
        Span(2, 1, "stage", "inner", now, 0.75),
        Span(3, 2, "model", "asked", now, 0.5),
        Span(4, 2, "model", "remembered", now, 0.0, "memo"),
    ]
    stats.ended(turn)
    assert {labels: each.sum for labels, each in stats.stages.items()} == {("outer",): 0.25, ("inner",): 0.75}
    assert {labels: each.sum for labels, each in stats.models.items()} == {("asked",): 0.5}


def test_a_histogram_counts_as_prometheus_does() -> None:
    times = Histogram()
    for seconds in (-0.1, BOUNDS[0], 0.3, 1000.0):
        times.add(seconds)
    counts = dict(times.buckets())
    assert (counts["0.001"], counts["0.25"], counts["0.5"], counts["300.0"], counts["+Inf"]) == (
        2,
        2,
        3,
        3,
        4,
    )
    assert times.sum == pytest.approx(1000.301)
