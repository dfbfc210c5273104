"""What can be asked of the simulator of AI bots."""

from __future__ import annotations

import base64

from mindbot.domain.message import Json
from mindbot.sim.server import need
from mindbot.sim.verbs import CALLING, Verbs, changed, shown
from mindbot.sim.wecombot.server import WeComBotSimulator

VERBS = Verbs[WeComBotSimulator](CALLING)


@VERBS("GET", "streams")
async def _streams(sim: WeComBotSimulator, params: Json) -> Json:
    return {"streams": [bubble.to_json() for bubble in sim.screens.bubbles.values()]}


@VERBS("GET", "connections")
async def _connections(sim: WeComBotSimulator, params: Json) -> Json:
    return {"connections": [{"bot": c.bot, "since": c.since} for c in sim.gateway.connections]}


@VERBS("POST", "verify")
async def _verify(sim: WeComBotSimulator, params: Json) -> Json:
    verification = await sim.hook.verify(params.get("url") or sim.callback_url)
    return {"ok": verification.ok, "reason": verification.reason}


@VERBS("POST", "push")
async def _push(sim: WeComBotSimulator, params: Json) -> Json:
    more = {name: str(params.get(name, "")) for name in ("group", "msgid", "url")}
    persistent = float(params.get("persistent", 0))
    user = need(params, "user")
    if "text" in params:
        return (await sim.push_text(user, params["text"], persistent=persistent, **more)).to_json()
    kind, content = need(params, "msgtype"), dict(params.get("content") or {})
    if "file" in params:
        data = base64.b64decode(params["file"])
        content[kind] = sim.offer(data, str(params.get("name", "")), url=more["url"])
    return (await sim.say(user, kind, content, persistent=persistent, **more)).to_json()


@VERBS("POST", "enter")
async def _enter(sim: WeComBotSimulator, params: Json) -> Json:
    return (await sim.enter(need(params, "user"), url=str(params.get("url", "")))).to_json()


@VERBS("POST", "press")
async def _press(sim: WeComBotSimulator, params: Json) -> Json:
    more = {name: str(params.get(name, "")) for name in ("group", "msgid", "url")}
    task, key = need(params, "task_id"), need(params, "key")
    pressed = await sim.press(need(params, "user"), task, key, chosen=params.get("chosen"), **more)
    return pressed.to_json()


@VERBS("POST", "feedback")
async def _feedback(sim: WeComBotSimulator, params: Json) -> Json:
    more = {k: v for k, v in params.items() if k not in ("user", "id", "type")}
    rated = await sim.rate(need(params, "user"), need(params, "id"), int(params["type"]), **more)
    return rated.to_json()


@VERBS("POST", "kick")
async def _kick(sim: WeComBotSimulator, params: Json) -> Json:
    """End all connections: ``abort``, ``close``, or ``evict`` as another subscriber does.

    With ``half-open`` they stay, and nothing goes through them any more.
    """
    live = list(sim.gateway.connections)
    for connection in live:
        match params.get("how", "abort"):
            case "evict":
                await sim.gateway.evict(connection.bot)
            case "half-open":
                connection.fall_silent()
            case "close":
                await connection.ws.close()
            case _:
                connection.abort()
    return {"kicked": len(live)}


@VERBS("POST", "expire-media")
async def _expire(sim: WeComBotSimulator, params: Json) -> Json:
    for kept in sim.people.files.values():
        kept.until = 0.0
    return {"expired": len(sim.people.files)}


@VERBS("PUT", "rules")
async def _rules(sim: WeComBotSimulator, params: Json) -> Json:
    sim.hook.rules = changed(sim.hook.rules, params.get("push", {}))
    sim.polls.rules = changed(sim.polls.rules, params.get("poll", {}))
    sim.gateway.rules = changed(sim.gateway.rules, params.get("line", {}))
    now = {"push": sim.hook.rules, "poll": sim.polls.rules, "line": sim.gateway.rules}
    return {name: shown(rules) for name, rules in now.items()}
