"""What can be asked of the DingTalk simulator: what people and operators of the platform do, for tests."""

from __future__ import annotations

import base64

from mindbot.domain.message import Json
from mindbot.sim.dingtalk.server import DingTalkSimulator
from mindbot.sim.server import need
from mindbot.sim.verbs import PEOPLE, Verbs, changed, shown

VERBS = Verbs[DingTalkSimulator](PEOPLE)


@VERBS("GET", "cards")
async def _cards(sim: DingTalkSimulator, params: Json) -> Json:
    return {"cards": [card.to_json() for card in sim.cards.cards.values()]}


@VERBS("GET", "connections")
async def _connections(sim: DingTalkSimulator, params: Json) -> Json:
    live = [{"id": c.id, "client": c.client, "since": c.since} for c in sim.gateway.connections]
    return {"connections": live, "longest_gap_s": sim.gateway.longest_gap}


@VERBS("POST", "push")
async def _push(sim: DingTalkSimulator, params: Json) -> Json:
    user, group = need(params, "user"), str(params.get("group", ""))
    persistent = float(params.get("persistent", 0))
    msgid = str(params.get("msgid", ""))
    if "text" in params:
        to = f"group:{group}" if group else ""
        pushed = await sim.push_text(user, params["text"], msgid=msgid, url=to, persistent=persistent)
        return pushed.to_json()
    body = dict(params.get("body") or {})
    if "file" in params:
        body["downloadCode"] = sim.people.offer(
            base64.b64decode(params["file"]), params.get("type", "image/png")
        )
    more = dict(params.get("fields") or {})
    said = await sim.say(
        user, need(params, "msgtype"), body, group=group, msgid=msgid, persistent=persistent, **more
    )
    return said.to_json()


@VERBS("POST", "press")
async def _press(sim: DingTalkSimulator, params: Json) -> Json:
    pressed = await sim.press(
        need(params, "outTrackId"), need(params, "user"), need(params, "action"), params.get("params")
    )
    return pressed.to_json()


@VERBS("POST", "kick")
async def _kick(sim: DingTalkSimulator, params: Json) -> Json:
    return {"kicked": await sim.gateway.kick(str(params.get("how", "abort")))}


@VERBS("POST", "raw")
async def _raw(sim: DingTalkSimulator, params: Json) -> Json:
    await sim.gateway.raw(base64.b64decode(params["bytes"]) if "bytes" in params else need(params, "text"))
    return {}


@VERBS("POST", "steal")
async def _steal(sim: DingTalkSimulator, params: Json) -> Json:
    sim.gateway.steal(str(params.get("client") or sim.settings.client_id))
    return {"connections": len(sim.gateway.connections)}


@VERBS("POST", "event")
async def _event(sim: DingTalkSimulator, params: Json) -> Json:
    return (await sim.event(need(params, "type"), dict(params.get("data") or {}))).to_json()


@VERBS("GET", "uploads")
async def _uploads(sim: DingTalkSimulator, params: Json) -> Json:
    found = sim.robot.uploads.items()
    return {"uploads": {id: {"type": kind, "size": len(content)} for id, (kind, content) in found}}


@VERBS("POST", "expire-tokens")
async def _expire(sim: DingTalkSimulator, params: Json) -> Json:
    sim.tokens.revoke_all()
    return {}


@VERBS("PUT", "rules")
async def _rules(sim: DingTalkSimulator, params: Json) -> Json:
    sim.gateway.rules = changed(sim.gateway.rules, params.get("stream", {}))
    sim.limit.qps = int(params.get("qps", sim.limit.qps))
    return {"stream": shown(sim.gateway.rules), "qps": sim.limit.qps}
