"""What can be asked of every model simulator: what it was asked, what it says next, whom it refuses."""

from __future__ import annotations

from mindbot.domain.errors import ConfigError
from mindbot.domain.message import Json
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelSimulator
from mindbot.sim.verbs import Verbs, changed, shown

MODELS = Verbs[ModelSimulator]()


@MODELS("GET", "requests")
async def _requests(sim: ModelSimulator, params: Json) -> Json:
    since = int(params.get("since", 0))
    return {"requests": [r.to_json() for r in sim.requests if r.number > since]}


@MODELS("POST", "script")
async def _script(sim: ModelSimulator, params: Json) -> Json:
    sim.script(*(Scripted(**reply) for reply in params.get("replies") or ()))
    return {"waiting": len(sim.model.script)}


@MODELS("GET", "refusals")
async def _refusals(sim: ModelSimulator, params: Json) -> Json:
    table = {}
    for name in sim.refusals:
        worded = sim.reworded(sim.refusal(name))
        table[name] = {
            "status": worded.status,
            "headers": worded.headers,
            "body": sim.refusal_body(worded, Recorded("", "", {})),
        }
    return {"refusals": table}


@MODELS("PUT", "keys")
async def _keys(sim: ModelSimulator, params: Json) -> Json:
    refused = params.get("refused") or {}
    if not isinstance(refused, dict):
        raise ConfigError("refused maps each key to the name of its refusal")
    for name in refused.values():
        sim.refusal(name)  # raises for an unknown one
    sim.refused = dict(refused)
    return {"refused": len(sim.refused)}


@MODELS("PUT", "rules")
async def _rules(sim: ModelSimulator, params: Json) -> Json:
    sim.quotas.rules = changed(sim.quotas.rules, params.get("quotas") or {})
    return {"quotas": shown(sim.quotas.rules)}
