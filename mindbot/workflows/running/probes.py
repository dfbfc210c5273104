"""Looks after the apps that are left alone: whether their servers are back, without a run."""

from __future__ import annotations

import anyio

from mindbot.deadlines import Within
from mindbot.domain.errors import MindBotError
from mindbot.workflows.manager import Workflows
from mindbot.workflows.members import Member

EVERY = 15.0  # seconds between two looks at an app
_LONGEST = 10.0  # seconds that one may take


class Probes:
    """See the module.

    An app that was seen to be down by its cheap call, and then up, is trusted again at once. One whose cheap
    call never failed while its runs did proves itself by the next run alone, as its breaker says.
    """

    def __init__(self) -> None:
        self._down: set[str] = set()

    async def look(self, workflows: Workflows) -> None:
        """Look once at each app whose breaker is not closed, side by side."""
        shut = [
            member
            for members in workflows.members.values()
            for member in members
            if workflows.usable(member.workflow) and workflows.standing.circuit(member).reason == "failures"
        ]
        self._down &= {str(member) for member in shut}
        async with anyio.create_task_group() as tasks:
            for member in shut:
                tasks.start_soon(self._one, workflows, member)
        await workflows.standing.save()

    async def _one(self, workflows: Workflows, member: Member) -> None:
        name = str(member)
        if not await _up(workflows, member):
            self._down.add(name)
            return
        if name in self._down and not workflows.standing.circuit(member).probing:
            self._down.discard(name)
            workflows.standing.forgive([member])
            workflows.went_well(member)


async def _up(workflows: Workflows, member: Member) -> bool:
    try:
        with Within(_LONGEST):
            checks = await workflows.app(member, aside=True).check()
    except (MindBotError, TimeoutError):
        return False
    return bool(checks) and checks[0].state != "failed"
