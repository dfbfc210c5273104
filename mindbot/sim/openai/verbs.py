"""What can be asked of the OpenAI simulator: what it was asked, and what it says next."""

from __future__ import annotations

from mindbot.domain.message import Json
from mindbot.sim.openai.chat import Scripted
from mindbot.sim.openai.server import OpenAISimulator
from mindbot.sim.verbs import Verbs

VERBS = Verbs[OpenAISimulator]()


@VERBS("GET", "requests")
async def _requests(sim: OpenAISimulator, params: Json) -> Json:
    return {"requests": [{"method": r.method, "path": r.path, "body": r.body} for r in sim.requests]}


@VERBS("POST", "script")
async def _script(sim: OpenAISimulator, params: Json) -> Json:
    sim.script(*(Scripted(**reply) for reply in params.get("replies") or ()))
    return {"waiting": len(sim.model.script)}
