"""What can be asked of the Dify simulator besides: which runs were stopped."""

from __future__ import annotations

from mindbot.domain.message import Json
from mindbot.sim.dify.server import DifySimulator
from mindbot.sim.models.verbs import MODELS
from mindbot.sim.verbs import Verbs

VERBS = Verbs[DifySimulator](MODELS)


@VERBS("GET", "stopped")
async def _stopped(sim: DifySimulator, params: Json) -> Json:
    return {"stopped": sim.stopped}
