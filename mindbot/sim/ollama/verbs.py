"""What can be asked of the Ollama simulator besides: to forget which models are in memory."""

from __future__ import annotations

from mindbot.domain.message import Json
from mindbot.sim.models.verbs import MODELS
from mindbot.sim.ollama.server import OllamaSimulator
from mindbot.sim.verbs import Verbs

VERBS = Verbs[OllamaSimulator](MODELS)


@VERBS("POST", "unload")
async def _unload(sim: OllamaSimulator, params: Json) -> Json:
    running = len(sim.library.running())
    sim.library.clear()
    return {"unloaded": running}
