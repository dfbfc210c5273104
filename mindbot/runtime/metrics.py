"""The status in Prometheus' text format, made when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator

from mindbot.domain.message import Json


def render(status: Json, health: list[Json]) -> bytes:
    """Return all metrics; counters end in ``_total``, times are seconds."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

    class Snapshot:
        def collect(self) -> Iterator[Metric]:
            turns = CounterMetricFamily("mindbot_turns", "Turns by what became of them.", labels=["state"])
            for state, count in status["totals"].items():
                turns.add_metric([state], count)
            yield turns
            now = GaugeMetricFamily("mindbot_turns_now", "Turns that are open.", labels=["state"])
            for state, count in status["turns"].items():
                now.add_metric([state], count)
            yield now
            sends = CounterMetricFamily(
                "mindbot_deliveries", "Deliveries by what became of them.", labels=["state"]
            )
            for state in ("sent", "retried", "dead"):
                sends.add_metric([state], status["outbox"][state])
            yield sends
            yield GaugeMetricFamily(
                "mindbot_outbox_waiting", "Deliveries on their way.", value=status["outbox"]["waiting"]
            )
            yield GaugeMetricFamily(
                "mindbot_loop_lag_seconds", "How late the event loop is.", value=status["loop_lag_ms"] / 1000
            )
            yield GaugeMetricFamily("mindbot_resident_bytes", "Resident memory.", value=status["rss_bytes"])
            yield GaugeMetricFamily("mindbot_start_seconds", "When it started.", value=status["started"])
            up = GaugeMetricFamily("mindbot_component_up", "1 for ok, else 0.", labels=["component"])
            for component in health:
                up.add_metric([component["component"]], float(component["state"] == "ok"))
            yield up

    registry = CollectorRegistry()
    registry.register(Snapshot())
    return generate_latest(registry)
