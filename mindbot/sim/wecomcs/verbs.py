"""What can be asked of the customer service simulator: what people do, and what can be looked at."""

from __future__ import annotations

import base64

from mindbot.domain.message import Json
from mindbot.sim.server import need
from mindbot.sim.traffic import TrafficPlan, run
from mindbot.sim.verbs import CALLING, Verbs
from mindbot.sim.wecomcs.calls import cursor_of
from mindbot.sim.wecomcs.server import WeComCsSimulator

VERBS = Verbs[WeComCsSimulator](CALLING)


def _account(sim: WeComCsSimulator, params: Json) -> str:
    return str(params.get("account") or sim.settings.accounts[0])


@VERBS("GET", "talks")
async def _talks(sim: WeComCsSimulator, params: Json) -> Json:
    talks = sim.desk.talks.values()
    return {"talks": [{name: getattr(talk, name) for name in talk.__slots__} for talk in talks]}


@VERBS("GET", "history")
async def _history(sim: WeComCsSimulator, params: Json) -> Json:
    """What sync_msg pages through, with the cursor behind each entry."""
    log = sim.desk.log[_account(sim, params)]
    rows = [
        {"cursor": cursor_of(n), "msgid": e["msgid"], "origin": e["origin"], "send_time": e["send_time"]}
        for n, e in enumerate(log, 1)
    ]
    return {"entries": rows}


@VERBS("POST", "push")
async def _push(sim: WeComCsSimulator, params: Json) -> Json:
    user, account = need(params, "user"), _account(sim, params)
    msgid = str(params.get("msgid", ""))
    if "text" in params:
        pushed = await sim.push_text(user, params["text"], msgid=msgid, account=account)
        return pushed.to_json()
    msgtype = need(params, "msgtype")
    if "file" in params:
        content = base64.b64decode(params["file"])
        type, name = str(params.get("type", "image/png")), str(params.get("name", ""))
        sim.desk.sends_file(account, user, msgtype, content, type, name)
        return (await sim.ring(account)).to_json()
    body = dict(params.get("body") or {})
    return (await sim.say(user, msgtype, body, account=account, msgid=msgid)).to_json()


@VERBS("POST", "enter")
async def _enter(sim: WeComCsSimulator, params: Json) -> Json:
    account, scene = _account(sim, params), str(params.get("scene", ""))
    user, more = need(params, "user"), str(params.get("scene_param", ""))
    sim.desk.enters(account, user, scene, more)
    return (await sim.ring(account)).to_json()


@VERBS("POST", "recall")
async def _recall(sim: WeComCsSimulator, params: Json) -> Json:
    account, user, msgid = _account(sim, params), need(params, "user"), need(params, "msgid")
    if servicer := str(params.get("servicer", "")):
        sim.desk.servicer_recalls(account, user, servicer, msgid)
    else:
        sim.desk.recalls(account, user, msgid)
    return (await sim.ring(account)).to_json()


@VERBS("POST", "servicer")
async def _servicer(sim: WeComCsSimulator, params: Json) -> Json:
    """``text`` is said; without one the conversation is taken, or with ``passes`` passed on."""
    account, user = _account(sim, params), need(params, "user")
    servicer, desk = str(params.get("servicer", "anna")), sim.desk
    if text := params.get("text"):
        desk.servicer_says(account, user, servicer, str(text))
    elif params.get("passes"):
        desk.passes(account, user, servicer)
    else:
        desk.takes(account, user, servicer)
    return (await sim.ring(account)).to_json()


@VERBS("POST", "attend")
async def _attend(sim: WeComCsSimulator, params: Json) -> Json:
    sim.desk.attends(need(params, "servicer"), bool(params.get("there", True)))
    return {"servicers": sim.desk.servicers}


@VERBS("POST", "end")
async def _end(sim: WeComCsSimulator, params: Json) -> Json:
    account = _account(sim, params)
    sim.desk.ends(account, need(params, "user"))
    return (await sim.ring(account)).to_json()


@VERBS("POST", "traffic")
async def _traffic(sim: WeComCsSimulator, params: Json) -> Json:
    plan = TrafficPlan.model_validate(params)
    if plan.callback:
        sim.callback_url = plan.callback
    return (await run(plan, sim)).to_json()


@VERBS("POST", "expire-tokens")
async def _expire(sim: WeComCsSimulator, params: Json) -> Json:
    sim.tokens.expire_all()
    return {}


@VERBS("PUT", "rules")
async def _rules(sim: WeComCsSimulator, params: Json) -> Json:
    return sim.change_rules(params)
