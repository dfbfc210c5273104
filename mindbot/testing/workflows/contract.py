"""What every app of a workflow must do, whoever serves it. Subclass `WorkflowContract` beside your app:

class TestAcmeApp(WorkflowContract):
    @asynccontextmanager
    async def vendor(self, play: AppPlay) -> AsyncIterator[AppVendor]:
        async with simulated("acme", ...) as acme:
            yield AcmeVendor(acme)

    def app(self, vendor: AppVendor, parts: AppParts, **settings: Any) -> App:
        return AcmeApp.build("acme", WorkflowSettings(...), "", parts)
"""

from __future__ import annotations

from mindbot.testing.workflows.answers import AppAnswersContract
from mindbot.testing.workflows.failures import AppFailuresContract
from mindbot.testing.workflows.rig import AppFault, AppHouse, AppPlay, AppVendor, HeardAnswer, PlayedApp

__all__ = [
    "AppFault",
    "AppHouse",
    "AppPlay",
    "AppVendor",
    "HeardAnswer",
    "PlayedApp",
    "WorkflowContract",
]


class WorkflowContract(AppAnswersContract, AppFailuresContract):
    """See the module. What the vendor lacks (``talks``, ``stops``, …) it says there."""
