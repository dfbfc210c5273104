"""The daemon's counters in Prometheus' text format, made when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mindbot.bus import Bus
from mindbot.domain.shapes.daemon import ComponentJson, StatusJson
from mindbot.domain.spending import BILLION
from mindbot.runtime.stats import Histogram, Stats
from mindbot.runtime.take_over import TakeOvers
from mindbot.runtime.traffic import Traffic
from mindbot.workflows.running.background import WorkflowBackground

#: Label values, and what is measured of them.
Samples = Iterable[tuple[tuple[str, ...], float | Histogram]]


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric as it is documented: a counter's samples end in ``_total``, a histogram's are seconds."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


TURNS = Measured("mindbot_turns", "counter", "Turns by what became of them.", ("state",))
NOW = Measured("mindbot_turns_now", "gauge", "Turns that are open.", ("state",))
TOOK = Measured(
    "mindbot_turn_seconds", "histogram", "From a message's receipt to the end of its turn.", ("state",)
)
STAGES = Measured(
    "mindbot_stage_seconds", "histogram", "What a stage took, without the stages inside it.", ("stage",)
)
MODELS = Measured(
    "mindbot_model_seconds", "histogram", "From a call of a model to the end of its answer.", ("provider",)
)
ATTEMPTS = Measured(
    "mindbot_model_attempts",
    "counter",
    "Calls of models by key (its label) and by what became of them: answered, or the kind of failure.",
    ("provider", "key", "outcome"),
)
WORKFLOWS = Measured(
    "mindbot_workflow_seconds",
    "histogram",
    "A run of a workflow from its start to the end of its answer, by what became of it: answered, or failed.",
    ("workflow", "outcome"),
)
WORKFLOW_SUMS = Measured(
    "mindbot_workflow_sums",
    "counter",
    "By workflow: recovered (runs got back by their ids), fallbacks (another answered instead), shadow (runs "
    "that nobody saw), likes, dislikes, tokens, money (in the currency of the budgets), recoveries (answers "
    "after failures) and recovery_s (the seconds from the first of those failures).",
    ("workflow", "sum"),
)
WORKFLOW_NOW = Measured(
    "mindbot_workflow_runs_now",
    "gauge",
    "Runs that are under way (running) or wait for a slot (waiting).",
    ("workflow", "state"),
)
ROUTED = Measured(
    "mindbot_router_decisions",
    "counter",
    "Messages by who decided where they go: rule, form, classifier, sticky (goes on with who answered "
    "before), judge, none (out of scope), configuration (there is nothing to choose).",
    ("by",),
)
SHADOWS_DROPPED = Measured(
    "mindbot_workflow_shadows_dropped", "counter", "Shadow runs that were not made: too many waited."
)
SENDS = Measured(
    "mindbot_send_seconds",
    "histogram",
    "What a platform took for a send, also one it refused.",
    ("platform", "bot"),
)
DELIVERIES = Measured("mindbot_deliveries", "counter", "Deliveries by what became of them.", ("state",))
WAITING = Measured("mindbot_outbox_waiting", "gauge", "Deliveries on their way.")
TAKEN = Measured(
    "mindbot_sessions_taken",
    "gauge",
    "Sessions in which an operator answers in the bot's place (all), those of them whose users wait "
    "(waiting), and wait for longer than `take_over.patience` (overdue).",
    ("state",),
)
HANDLERS = Measured(
    "mindbot_handler_events",
    "counter",
    "Events that a handler failed at for good (failed) or was too slow for (dropped).",
    ("handler", "outcome"),
)
LAG = Measured("mindbot_loop_lag_seconds", "gauge", "How late the event loop is.")
MEMORY = Measured("mindbot_resident_bytes", "gauge", "Resident memory.")
STARTED = Measured("mindbot_start_seconds", "gauge", "When it started, in Unix seconds.")
UP = Measured("mindbot_component_up", "gauge", "1 for ok, else 0.", ("component",))

METRICS = (
    TURNS,
    NOW,
    TOOK,
    STAGES,
    MODELS,
    ATTEMPTS,
    WORKFLOWS,
    WORKFLOW_SUMS,
    WORKFLOW_NOW,
    ROUTED,
    SHADOWS_DROPPED,
    SENDS,
    DELIVERIES,
    WAITING,
    TAKEN,
    HANDLERS,
    LAG,
    MEMORY,
    STARTED,
    UP,
)


def measured(
    status: StatusJson,
    health: list[ComponentJson],
    stats: Stats,
    traffic: Traffic,
    bus: Bus,
    attempts: Samples,
    background: WorkflowBackground,
    take_overs: TakeOvers,
) -> dict[Measured, Samples]:
    """Return the samples of every metric."""
    outbox = status["outbox"]
    return {
        TURNS: _by_name(status["totals"]),
        NOW: _by_name(status["turns"]),
        TOOK: stats.turns.items(),
        STAGES: stats.stages.items(),
        MODELS: stats.models.items(),
        ATTEMPTS: attempts,
        WORKFLOWS: stats.workflows.items(),
        WORKFLOW_SUMS: _sums(background.standing.stats.totals),
        WORKFLOW_NOW: background.standing.now(),
        ROUTED: _by_name(background.standing.decisions),
        SHADOWS_DROPPED: _one(background.shadows.dropped),
        SENDS: traffic.sends.items(),
        DELIVERIES: _by_name({"sent": outbox["sent"], "retried": outbox["retried"], "dead": outbox["dead"]}),
        WAITING: _one(outbox["waiting"]),
        TAKEN: _by_name(
            {
                "all": len(take_overs),
                "waiting": sum(each.waiting > 0 for each in take_overs.all),
                "overdue": len(take_overs.overdue),
            }
        ),
        HANDLERS: [
            ((name, outcome), count)
            for outcome, counts in (("failed", bus.failed), ("dropped", bus.dropped))
            for name, count in counts.items()
        ],
        LAG: _one(status["loop_lag_ms"] / 1000),
        MEMORY: _one(status["rss_bytes"]),
        STARTED: _one(status["started"]),
        UP: [((each["component"],), float(each["state"] == "ok")) for each in health],
    }


def _sums(totals: Mapping[tuple[str, str], float]) -> Samples:
    counted = [(place, amount) for place, amount in totals.items() if place[1] not in ("runs", "failed")]
    return [
        ((workflow, name), amount / BILLION if name == "money" else amount)
        for (workflow, name), amount in counted
    ]


def _by_name(counts: Mapping[str, Any]) -> Samples:
    return [((name,), count) for name, count in counts.items()]


def _one(value: float) -> Samples:
    return [((), value)]


def render(samples: dict[Measured, Samples]) -> bytes:
    """Return samples as text."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        Metric,
    )

    def family(metric: Measured, found: Samples) -> Metric:
        if metric.kind == "histogram":
            times = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, value in found:
                assert isinstance(value, Histogram)
                times.add_metric(labels, list(value.buckets()), value.sum)
            return times
        kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
        plain = kind(metric.name, metric.help, labels=metric.labels)
        for labels, value in found:
            assert not isinstance(value, Histogram)
            plain.add_metric(labels, value)
        return plain

    class Snapshot:
        def collect(self) -> Iterator[Metric]:
            for metric, found in samples.items():
                yield family(metric, found)

    registry = CollectorRegistry()
    registry.register(Snapshot())
    return generate_latest(registry)
