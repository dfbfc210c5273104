"""What can be asked of the Dify simulator besides: its apps, runs, conversations and forms."""

from __future__ import annotations

from mindbot.domain.errors import ConfigError
from mindbot.domain.message import Json
from mindbot.sim.dify.server import DifySimulator
from mindbot.sim.models.verbs import MODELS
from mindbot.sim.verbs import Verbs, changed, shown

VERBS = Verbs[DifySimulator](MODELS)


@VERBS("GET", "apps")
async def _apps(sim: DifySimulator, params: Json) -> Json:
    return {"apps": {app.name: app.model_dump(mode="json") for app in sim.desk.apps.all()}}


@VERBS("PUT", "apps")
async def _define(sim: DifySimulator, params: Json) -> Json:
    apps = params.get("apps") or {}
    if not isinstance(apps, dict) or not all(isinstance(fields, dict) for fields in apps.values()):
        raise ConfigError("apps maps the name of each to its fields")
    made = [sim.desk.apps.define(name, fields) for name, fields in apps.items()]
    return {"apps": {app.name: app.key for app in made}}


@VERBS("GET", "runs")
async def _runs(sim: DifySimulator, params: Json) -> Json:
    kept = {name: params[name] for name in ("app", "user", "status") if params.get(name)}
    found = [run.to_json() for run in sim.desk.runs.values()]
    return {"runs": [run for run in found if all(run[name] == value for name, value in kept.items())]}


@VERBS("GET", "starts")
async def _starts(sim: DifySimulator, params: Json) -> Json:
    going = sum(not run.over for run in sim.desk.runs.values())
    return {"starts": sim.desk.starts(), "all": len(sim.desk.runs), "open": going}


@VERBS("GET", "stopped")
async def _stopped(sim: DifySimulator, params: Json) -> Json:
    return {"stopped": sim.stopped}


@VERBS("GET", "conversations")
async def _conversations(sim: DifySimulator, params: Json) -> Json:
    talks = sim.desk.talks.values()
    return {"conversations": [{**t.to_json(), "user": t.user, "messages": len(t.runs)} for t in talks]}


@VERBS("POST", "expire-conversations")
async def _expire(sim: DifySimulator, params: Json) -> Json:
    found = [t for t in sim.desk.talks.values() if params.get("user") in (None, t.user)]
    for talk in found:
        del sim.desk.talks[talk.id]
    return {"expired": len(found)}


@VERBS("POST", "complete-conversations")
async def _complete(sim: DifySimulator, params: Json) -> Json:
    found = [t for t in sim.desk.talks.values() if params.get("user") in (None, t.user)]
    for talk in found:
        talk.status = "completed"
    return {"completed": len(found)}


@VERBS("GET", "forms")
async def _forms(sim: DifySimulator, params: Json) -> Json:
    return {"forms": [form.to_json() for form in sim.desk.forms.forms.values()]}


@VERBS("POST", "expire-forms")
async def _expire_forms(sim: DifySimulator, params: Json) -> Json:
    return {"expired": sim.desk.forms.expire()}


@VERBS("PUT", "rules")
async def _rules(sim: DifySimulator, params: Json) -> Json:
    sim.quotas.rules = changed(sim.quotas.rules, params.get("quotas") or {})
    sim.desk.rules = changed(sim.desk.rules, params.get("server") or {})
    return {"quotas": shown(sim.quotas.rules), "server": shown(sim.desk.rules)}
