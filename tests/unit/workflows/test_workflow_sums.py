"""What is counted by workflow, app and day."""

from __future__ import annotations

from datetime import datetime

import pytest
from workflow_house import MemoryKeep, WorkflowHouse, apps

from mindbot.domain.errors import Overloaded
from mindbot.workflows.stats import WorkflowStats

pytestmark = pytest.mark.anyio


async def test_what_is_added_while_the_day_changes_is_of_one_day() -> None:
    midnight = datetime(2026, 12, 1).timestamp()
    clock = iter([midnight - 1e-6])
    stats = WorkflowStats(MemoryKeep(), lambda: next(clock, midnight))
    stats.add("faq", runs=1)
    await stats.save()
    assert [(row["day"], row["runs"]) for row in await stats.rows(2, "USD")] == [("2026-11-30", 1)]


class CountingKeep(MemoryKeep):
    """Counts what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    async def items(self, prefix: str, *, limit: int = 1000) -> dict[str, dict[str, object]]:
        found = await super().items(prefix, limit=limit)
        self.read += len(found)
        return found


async def test_a_week_of_sums_reads_no_year() -> None:
    keep = CountingKeep()
    moments = [datetime(2026, month, day).timestamp() for month in range(1, 12) for day in (1, 15, 28)]
    for moment in moments:
        stats = WorkflowStats(keep, lambda moment=moment: moment)  # type: ignore[misc]
        stats.add("faq", runs=1)
        await stats.save()
    assert len(await stats.rows(30, "USD")) == 3
    assert keep.read <= 6
    assert len(await stats.rows(400, "USD")) == len(moments)


async def test_a_workflows_own_app_is_judged_by_its_own_runs() -> None:
    replica = {"name": "b", "dify_api_key": "app-b"}
    workflows = apps("faq", faq={"replicas": [replica]})
    house = WorkflowHouse(workflows=workflows)
    house.says["faq"] = Overloaded("down")
    await house.ask(workflow="faq")
    own, other = house.workflows.members["faq"]
    late = house.standing.late_of
    assert (late(own).in_a_row, late(other).in_a_row) == (1, 0)
    assert (late(own).latencies, len(late(other).latencies)) == ([], 1)
    assert len(house.standing.late("faq").latencies) == 1
