"""The simulator's control routes under ``/_sim/``."""

from __future__ import annotations

import base64
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from mindbot.domain.message import Json
from mindbot.sim.server import Control, need
from mindbot.sim.traffic import TrafficPlan, run
from mindbot.sim.wecom.attempts import PushRules
from mindbot.sim.wecombot.gateway import LineRules
from mindbot.sim.wecombot.polls import PollRules

if TYPE_CHECKING:
    from mindbot.sim.wecombot.server import WeComBotSimulator


class Controls:
    """Carries them out on a simulator."""

    def __init__(self, simulator: WeComBotSimulator) -> None:
        self._sim = simulator

    def routes(self) -> dict[str, Control]:
        """Return the routes by method and path."""
        return {
            "GET /_sim/inbox": self._inbox,
            "GET /_sim/users": self._users,
            "GET /_sim/streams": self._streams,
            "GET /_sim/connections": self._connections,
            "POST /_sim/callback": self._callback,
            "POST /_sim/verify": self._verify,
            "POST /_sim/push": self._push,
            "POST /_sim/enter": self._enter,
            "POST /_sim/press": self._press,
            "POST /_sim/feedback": self._feedback,
            "POST /_sim/kick": self._kick,
            "POST /_sim/expire-media": self._expire,
            "POST /_sim/traffic": self._traffic,
            "PUT /_sim/rules": self._rules,
        }

    async def _inbox(self, params: Json) -> Json:
        shown = self._sim.inbox(need(params, "user"))
        return {"messages": [message.to_json() for message in shown[int(params.get("since", 0)) :]]}

    async def _users(self, params: Json) -> Json:
        return {"users": self._sim.phones.users()}

    async def _streams(self, params: Json) -> Json:
        return {"streams": [bubble.to_json() for bubble in self._sim.screens.bubbles.values()]}

    async def _connections(self, params: Json) -> Json:
        return {"connections": [{"bot": c.bot, "since": c.since} for c in self._sim.gateway.connections]}

    async def _callback(self, params: Json) -> Json:
        self._sim.callback_url = need(params, "url")
        return {"url": self._sim.callback_url}

    async def _verify(self, params: Json) -> Json:
        verification = await self._sim.hook.verify(params.get("url") or self._sim.callback_url)
        return {"ok": verification.ok, "reason": verification.reason}

    async def _push(self, params: Json) -> Json:
        more = {name: str(params.get(name, "")) for name in ("group", "msgid", "url")}
        persistent = float(params.get("persistent", 0))
        user = need(params, "user")
        if "text" in params:
            return (await self._sim.push_text(user, params["text"], persistent=persistent, **more)).to_json()
        kind, content = need(params, "msgtype"), dict(params.get("content") or {})
        if "file" in params:
            data = base64.b64decode(params["file"])
            content[kind] = self._sim.offer(data, str(params.get("name", "")), url=more["url"])
        return (await self._sim.say(user, kind, content, persistent=persistent, **more)).to_json()

    async def _enter(self, params: Json) -> Json:
        return (await self._sim.enter(need(params, "user"), url=str(params.get("url", "")))).to_json()

    async def _press(self, params: Json) -> Json:
        more = {name: str(params.get(name, "")) for name in ("group", "msgid", "url")}
        task, key = need(params, "task_id"), need(params, "key")
        pressed = await self._sim.press(need(params, "user"), task, key, chosen=params.get("chosen"), **more)
        return pressed.to_json()

    async def _feedback(self, params: Json) -> Json:
        more = {k: v for k, v in params.items() if k not in ("user", "id", "type")}
        rated = await self._sim.rate(need(params, "user"), need(params, "id"), int(params["type"]), **more)
        return rated.to_json()

    async def _kick(self, params: Json) -> Json:
        """End all connections: ``abort``, ``close``, or ``evict`` as another subscriber does.

        With ``half-open`` they stay, and nothing goes through them any more.
        """
        live = list(self._sim.gateway.connections)
        for connection in live:
            match params.get("how", "abort"):
                case "evict":
                    await self._sim.gateway.evict(connection.bot)
                case "half-open":
                    connection.fall_silent()
                case "close":
                    await connection.ws.close()
                case _:
                    connection.abort()
        return {"kicked": len(live)}

    async def _expire(self, params: Json) -> Json:
        for kept in self._sim.people.files.values():
            kept.until = 0.0
        return {"expired": len(self._sim.people.files)}

    async def _rules(self, params: Json) -> Json:
        push, poll, line = TypeAdapter(PushRules), TypeAdapter(PollRules), TypeAdapter(LineRules)
        self._sim.hook.rules = push.validate_python(
            asdict(replace(self._sim.hook.rules, **params.get("push", {})))
        )
        self._sim.polls.rules = poll.validate_python(
            asdict(replace(self._sim.polls.rules, **params.get("poll", {})))
        )
        self._sim.gateway.rules = line.validate_python(
            asdict(replace(self._sim.gateway.rules, **params.get("line", {})))
        )
        return {
            "push": push.dump_python(self._sim.hook.rules),
            "poll": poll.dump_python(self._sim.polls.rules),
            "line": line.dump_python(self._sim.gateway.rules),
        }

    async def _traffic(self, params: Json) -> Json:
        return (await run(TrafficPlan.model_validate(params), self._sim)).to_json()
