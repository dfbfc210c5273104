"""Control routes of the DingTalk simulator: what people and operators of the platform do, for tests."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from mindbot.domain.message import Json
from mindbot.sim.dingtalk.frames import StreamRules
from mindbot.sim.server import Control, need
from mindbot.sim.traffic import TrafficPlan, run

if TYPE_CHECKING:
    from mindbot.sim.dingtalk.server import DingTalkSimulator


def control_routes(sim: DingTalkSimulator) -> dict[str, Control]:
    """Return the routes of one simulator."""
    return {route: partial(act, sim) for route, act in _ROUTES.items()}


async def _inbox(sim: DingTalkSimulator, params: Json) -> Json:
    shown = sim.inbox(need(params, "user"))
    return {"messages": [message.to_json() for message in shown[int(params.get("since", 0)) :]]}


async def _users(sim: DingTalkSimulator, params: Json) -> Json:
    return {"users": sim.phones.users()}


async def _cards(sim: DingTalkSimulator, params: Json) -> Json:
    return {"cards": [card.to_json() for card in sim.cards.cards.values()]}


async def _connections(sim: DingTalkSimulator, params: Json) -> Json:
    live = [{"id": c.id, "client": c.client, "since": c.since} for c in sim.gateway.connections]
    return {"connections": live, "longest_gap_s": sim.gateway.longest_gap}


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


async def _press(sim: DingTalkSimulator, params: Json) -> Json:
    pressed = await sim.press(
        need(params, "outTrackId"), need(params, "user"), need(params, "action"), params.get("params")
    )
    return pressed.to_json()


async def _kick(sim: DingTalkSimulator, params: Json) -> Json:
    return {"kicked": await sim.gateway.kick(str(params.get("how", "abort")))}


async def _raw(sim: DingTalkSimulator, params: Json) -> Json:
    await sim.gateway.raw(base64.b64decode(params["bytes"]) if "bytes" in params else need(params, "text"))
    return {}


async def _steal(sim: DingTalkSimulator, params: Json) -> Json:
    sim.gateway.steal(str(params.get("client") or sim.settings.client_id))
    return {"connections": len(sim.gateway.connections)}


async def _event(sim: DingTalkSimulator, params: Json) -> Json:
    return (await sim.event(need(params, "type"), dict(params.get("data") or {}))).to_json()


async def _uploads(sim: DingTalkSimulator, params: Json) -> Json:
    found = sim.robot.uploads.items()
    return {"uploads": {id: {"type": kind, "size": len(content)} for id, (kind, content) in found}}


async def _expire(sim: DingTalkSimulator, params: Json) -> Json:
    sim.tokens.revoke_all()
    return {}


async def _rules(sim: DingTalkSimulator, params: Json) -> Json:
    rules = TypeAdapter(StreamRules)
    stream = rules.validate_python(asdict(replace(sim.gateway.rules, **params.get("stream", {}))))
    sim.gateway.rules = stream
    sim.limit.qps = int(params.get("qps", sim.limit.qps))
    return {"stream": rules.dump_python(stream), "qps": sim.limit.qps}


async def _traffic(sim: DingTalkSimulator, params: Json) -> Json:
    return (await run(TrafficPlan.model_validate(params), sim)).to_json()


_ROUTES: dict[str, Callable[[DingTalkSimulator, Json], Awaitable[Json]]] = {
    "GET /_sim/inbox": _inbox,
    "GET /_sim/users": _users,
    "GET /_sim/cards": _cards,
    "GET /_sim/uploads": _uploads,
    "GET /_sim/connections": _connections,
    "POST /_sim/push": _push,
    "POST /_sim/event": _event,
    "POST /_sim/press": _press,
    "POST /_sim/kick": _kick,
    "POST /_sim/steal": _steal,
    "POST /_sim/raw": _raw,
    "POST /_sim/expire-tokens": _expire,
    "POST /_sim/traffic": _traffic,
    "PUT /_sim/rules": _rules,
}
