"""What runs beside the turns for the workflows of all generations: shadow runs, probes, sums to disk."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import structlog

from mindbot.workflows.manager import Workflows
from mindbot.workflows.running.probes import EVERY, Probes
from mindbot.workflows.running.shadows import Note, Shadows
from mindbot.workflows.standing import WorkflowStanding

log = structlog.get_logger("mindbot.workflows")

_SAVE_EVERY = 2.0  # seconds


class WorkflowBackground:
    """See the module. ``note`` keeps a fact with a turn that has ended."""

    def __init__(self, standing: WorkflowStanding, note: Note) -> None:
        self.standing = standing
        self.shadows = Shadows(standing.keep, standing.stats, note, standing.clock)
        self._probes = Probes()

    async def run(self, current: Callable[[], Workflows]) -> None:
        """Do all of it until cancelled; ``current`` returns the workflows in force."""
        try:
            async with anyio.create_task_group() as tasks:
                self.standing.tasks = tasks
                tasks.start_soon(self.shadows.run)
                tasks.start_soon(self._probing, current)
                while True:
                    await anyio.sleep(_SAVE_EVERY)
                    await self.standing.stats.save()
        finally:
            self.standing.tasks = None
            with anyio.CancelScope(shield=True):
                await self.standing.stats.save()

    async def _probing(self, current: Callable[[], Workflows]) -> None:
        while True:
            await anyio.sleep(EVERY)
            try:
                await self._probes.look(current())
            except Exception:  # an app's mistake is not the end of all looks
                log.exception("workflows could not be looked after")
