"""How workflows are, as rows of the API."""

from __future__ import annotations

from collections.abc import Iterator

from mindbot.domain.shapes.workflows import ReplicaJson, RunErrorJson, WorkflowJson
from mindbot.domain.spending import BILLION
from mindbot.workflows.late import RunError
from mindbot.workflows.manager import Workflows
from mindbot.workflows.router.examples import ExampleCounts

_SOUND = 0.5  # share of late runs that must succeed for a workflow to be well
_OWN = "app"  # what the workflow's own app is called beside its replicas


def status_of(workflows: Workflows, name: str, examples: ExampleCounts, currency: str) -> WorkflowJson:
    """Return how a configured workflow is, with the examples that choose it; raises NotFound."""
    settings, standing = workflows.get(name), workflows.standing
    late, today = standing.late(name), standing.stats.of(name)
    replicas = list(_replicas(workflows, name))
    ratings = today.likes + today.dislikes
    return {
        "name": name,
        "type": settings.type,
        "description": settings.description,
        "state": _state(workflows, name, replicas),
        "enabled": workflows.usable(name),
        "endpoint": workflows.members[name][0].endpoint,
        "priority": settings.priority,
        "examples": examples.all,
        "shipped": examples.shipped,
        "learned": examples.learned,
        "patterns": len(settings.task_patterns),
        "threshold": settings.threshold,
        "timeout": settings.timeout,
        "max_retries": settings.max_retries,
        "in_flight": late.in_flight,
        "waiting": late.waiting,
        "concurrency": settings.concurrency,
        "replicas": replicas,
        "split": settings.split,
        "shadow": settings.shadow,
        "fallback": list(settings.fallback),
        "runs_today": today.runs,
        "failed_today": today.failed,
        "recovered_today": today.recovered,
        "shadow_today": today.shadow,
        "success": late.share,
        "latency": late.latency,
        "latencies": [round(seconds, 3) for seconds in late.latencies],
        "satisfaction": today.likes / ratings if ratings else None,
        "money_today": today.money / BILLION,
        "tokens_today": today.tokens,
        "currency": currency,
        "errors": [_error(each) for each in late.errors],
    }


def _replicas(workflows: Workflows, name: str) -> Iterator[ReplicaJson]:
    members = workflows.members[name]
    for member in members:
        circuit = workflows.standing.circuit(member)
        state = "ok" if circuit.state == "closed" else circuit.state
        alone = len(members) == 1
        yield {
            "name": member.replica or ("" if alone else _OWN),
            "endpoint": member.endpoint,
            "state": state if member.enabled else "disabled",
            "until": circuit.until,
            "why": circuit.why,
            "in_flight": workflows.standing.late_of(member).in_flight,
        }


def _state(workflows: Workflows, name: str, replicas: list[ReplicaJson]) -> str:
    if not workflows.settings[name].enabled:
        return "disabled"
    if workflows.standing.is_off(name):
        return "off"
    states = [each["state"] for each in replicas if each["state"] != "disabled"]
    if states and all(state == "open" for state in states):
        return "open"
    share = workflows.standing.late(name).share
    well = all(state == "ok" for state in states) and (share is None or share > _SOUND)
    return "ok" if well else "degraded"


def _error(error: RunError) -> RunErrorJson:
    return {
        "ts": error.ts,
        "kind": error.kind,
        "why": error.why,
        "node": error.node,
        "turn": error.turn,
        "replica": error.replica,
    }
