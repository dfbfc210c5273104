"""What can be asked of the Coze simulator besides: to end its tokens, and what its conversations hold."""

from __future__ import annotations

from mindbot.domain.message import Json
from mindbot.sim.coze.server import CozeSimulator
from mindbot.sim.models.verbs import MODELS
from mindbot.sim.verbs import Verbs

VERBS = Verbs[CozeSimulator](MODELS)


@VERBS("POST", "expire-tokens")
async def _expire_tokens(sim: CozeSimulator, params: Json) -> Json:
    return {"expired": sim.desk.revoke()}


@VERBS("GET", "conversations")
async def _conversations(sim: CozeSimulator, params: Json) -> Json:
    return {"conversations": [{**r.to_json(), "history": r.history} for r in sim.rooms.of_bot("")]}
