"""A company's rules and 110 messages: where each goes. A change of this file is a change of behaviour."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mindbot.config.load import load
from mindbot.domain.routing import Decision, RouteQuestion
from mindbot.workflows.router.alone import router_alone

pytestmark = pytest.mark.anyio

GOLDEN = Path(__file__).parents[2] / "data" / "routes" / "golden"


def question(line: dict[str, Any]) -> RouteQuestion:
    then = datetime.fromisoformat(line["ts"]).replace(tzinfo=ZoneInfo("Asia/Shanghai"))
    return RouteQuestion(
        line["text"],
        line["platform"],
        line.get("bot", "default"),
        line["user"],
        line.get("group", ""),
        kind=line.get("kind", "text"),
        kinds=(line.get("kind", "text"),),
        departments=tuple(line.get("departments", ())),
        ts=then.timestamp(),
    )


def told(decision: Decision) -> dict[str, Any]:
    """A default in brackets is who answers what belongs to none."""
    by_default = f"({decision.answers})" if decision.answers else f"runner {decision.runner}"
    goes = decision.reply or "+".join(decision.together) or decision.workflow or by_default
    more = {"split_from": decision.split_from, "then": list(decision.then), "set": dict(decision.vars)}
    return {"goes": goes, "rule": decision.rule} | {name: value for name, value in more.items() if value}


async def test_every_message_goes_where_it_went() -> None:
    router = router_alone(load([GOLDEN / "rules.yaml"], environ={}).config)
    lines = [json.loads(line) for line in (GOLDEN / "messages.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) >= 100
    for line in lines:
        expected = {
            name: line[name] for name in ("goes", "rule", "split_from", "then", "set") if name in line
        }
        assert told(await router.decide(question(line))) == expected, line
