"""What can be asked of the OpenAI simulator besides: to speak as another vendor does."""

from __future__ import annotations

from mindbot.domain.message import Json
from mindbot.sim.models.verbs import MODELS
from mindbot.sim.openai.faces import FACES
from mindbot.sim.openai.server import OpenAISimulator
from mindbot.sim.server import need
from mindbot.sim.verbs import Verbs

VERBS = Verbs[OpenAISimulator](MODELS)


@VERBS("GET", "face")
async def _face(sim: OpenAISimulator, params: Json) -> Json:
    return {"face": sim.face_name, "known": list(FACES)}


@VERBS("PUT", "face")
async def _wear(sim: OpenAISimulator, params: Json) -> Json:
    sim.wear(need(params, "face"))
    return {"face": sim.face_name, "base_url": sim.base_url}
