"""What can be asked of the Coze simulator besides: tokens, conversations, chats, workflows and their runs."""

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


@VERBS("POST", "expire-conversations")
async def _expire(sim: CozeSimulator, params: Json) -> Json:
    return {"expired": sim.rooms.forget_all()}


@VERBS("GET", "runs")
async def _runs(sim: CozeSimulator, params: Json) -> Json:
    now = sim.settings.clock()
    chats = [{**talk.to_json(), "user": talk.user_id} for talk in sim.rooms.talks()]
    return {"runs": [run.to_json(now) for run in sim.flows.shelf.runs.values()], "chats": chats}


@VERBS("PUT", "workflows")
async def _workflows(sim: CozeSimulator, params: Json) -> Json:
    sim.flows.shelf.define(params.get("workflows") or {})
    return {"workflows": {n: flow.model_dump(mode="json") for n, flow in sim.flows.shelf.flows.items()}}
