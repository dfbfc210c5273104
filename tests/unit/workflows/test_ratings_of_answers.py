"""What users think of an answer is counted once a user, however fast they change their minds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from workflow_house import WorkflowHouse, apps

from mindbot.runtime.ratings import Ratings
from mindbot.testing.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio


async def test_verdicts_that_come_together_take_back_only_what_the_same_user_said() -> None:
    house = WorkflowHouse(workflows=apps("faq"))
    span = {"kind": "workflow", "name": "faq", "status": "ok", "data": {"ids": {"message": "m"}}}
    facts = [
        {"feedback": "like", "user": "ann", "event": "1"},
        {"feedback": "like", "user": "bob", "event": "2"},
        {"feedback": "dislike", "user": "ann", "event": "3"},
        {"feedback": "withdrawn", "user": "ann", "event": "4"},
    ]
    turn = {"spans": [span], "notes": [{"late": True}, *facts]}
    ratings = Ratings(_Turns(turn))  # type: ignore[arg-type]
    house.workflows.serve(house.services)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            for fact in facts:
                await ratings.take("t", fact)
            tasks.start_soon(ratings.run, lambda: house.workflows)
            await until(lambda: ratings._receive.statistics().current_buffer_used == 0)
            await until(lambda: len(house.rated) >= 3)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
    today = house.standing.stats.of("faq")
    assert (today.likes, today.dislikes) == (1, 0)


class _Turns:
    """Knows one turn."""

    def __init__(self, turn: dict[str, Any]) -> None:
        self._turn = turn

    async def queries(self) -> Any:
        async def get_turn(name: str) -> dict[str, Any]:
            return self._turn

        return SimpleNamespace(get_turn=get_turn)
