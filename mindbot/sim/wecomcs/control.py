"""Control routes of the customer service simulator: what people do, and what can be looked at."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from mindbot.domain.message import Json
from mindbot.sim.server import Control, need
from mindbot.sim.traffic import TrafficPlan, run
from mindbot.sim.wecomcs.calls import cursor_of

if TYPE_CHECKING:
    from mindbot.sim.wecomcs.server import WeComCsSimulator


class Controls:
    """See the module. ``account`` is the first one where a call names none."""

    def __init__(self, simulator: WeComCsSimulator) -> None:
        self._sim = simulator

    def routes(self) -> dict[str, Control]:
        """Return the routes by method and path."""
        return {
            "GET /_sim/inbox": self._inbox,
            "GET /_sim/users": self._users,
            "GET /_sim/talks": self._talks,
            "GET /_sim/history": self._history,
            "POST /_sim/callback": self._callback,
            "POST /_sim/push": self._push,
            "POST /_sim/enter": self._enter,
            "POST /_sim/recall": self._recall,
            "POST /_sim/servicer": self._servicer,
            "POST /_sim/attend": self._attend,
            "POST /_sim/end": self._end,
            "POST /_sim/traffic": self._traffic,
            "POST /_sim/expire-tokens": self._expire,
            "PUT /_sim/rules": self._rules,
        }

    def _account(self, params: Json) -> str:
        return str(params.get("account") or self._sim.settings.accounts[0])

    async def _inbox(self, params: Json) -> Json:
        shown = self._sim.inbox(need(params, "user"))
        return {"messages": [message.to_json() for message in shown[int(params.get("since", 0)) :]]}

    async def _users(self, params: Json) -> Json:
        return {"users": self._sim.phones.users()}

    async def _talks(self, params: Json) -> Json:
        talks = self._sim.desk.talks.values()
        return {"talks": [{name: getattr(talk, name) for name in talk.__slots__} for talk in talks]}

    async def _history(self, params: Json) -> Json:
        """What sync_msg pages through, with the cursor behind each entry."""
        log = self._sim.desk.log[self._account(params)]
        rows = [
            {"cursor": cursor_of(n), "msgid": e["msgid"], "origin": e["origin"], "send_time": e["send_time"]}
            for n, e in enumerate(log, 1)
        ]
        return {"entries": rows}

    async def _callback(self, params: Json) -> Json:
        self._sim.callback_url = need(params, "url")
        return {"url": self._sim.callback_url}

    async def _push(self, params: Json) -> Json:
        user, account = need(params, "user"), self._account(params)
        msgid = str(params.get("msgid", ""))
        if "text" in params:
            pushed = await self._sim.push_text(user, params["text"], msgid=msgid, account=account)
            return pushed.to_json()
        msgtype = need(params, "msgtype")
        if "file" in params:
            content = base64.b64decode(params["file"])
            type, name = str(params.get("type", "image/png")), str(params.get("name", ""))
            self._sim.desk.sends_file(account, user, msgtype, content, type, name)
            return (await self._sim.ring(account)).to_json()
        body = dict(params.get("body") or {})
        return (await self._sim.say(user, msgtype, body, account=account, msgid=msgid)).to_json()

    async def _enter(self, params: Json) -> Json:
        account, scene = self._account(params), str(params.get("scene", ""))
        user, more = need(params, "user"), str(params.get("scene_param", ""))
        self._sim.desk.enters(account, user, scene, more)
        return (await self._sim.ring(account)).to_json()

    async def _recall(self, params: Json) -> Json:
        account, user, msgid = self._account(params), need(params, "user"), need(params, "msgid")
        if servicer := str(params.get("servicer", "")):
            self._sim.desk.servicer_recalls(account, user, servicer, msgid)
        else:
            self._sim.desk.recalls(account, user, msgid)
        return (await self._sim.ring(account)).to_json()

    async def _servicer(self, params: Json) -> Json:
        """``text`` is said; without one the conversation is taken, or with ``passes`` passed on."""
        account, user = self._account(params), need(params, "user")
        servicer, desk = str(params.get("servicer", "anna")), self._sim.desk
        if text := params.get("text"):
            desk.servicer_says(account, user, servicer, str(text))
        elif params.get("passes"):
            desk.passes(account, user, servicer)
        else:
            desk.takes(account, user, servicer)
        return (await self._sim.ring(account)).to_json()

    async def _attend(self, params: Json) -> Json:
        self._sim.desk.attends(need(params, "servicer"), bool(params.get("there", True)))
        return {"servicers": self._sim.desk.servicers}

    async def _end(self, params: Json) -> Json:
        account = self._account(params)
        self._sim.desk.ends(account, need(params, "user"))
        return (await self._sim.ring(account)).to_json()

    async def _traffic(self, params: Json) -> Json:
        plan = TrafficPlan.model_validate(params)
        if plan.callback:
            self._sim.callback_url = plan.callback
        return (await run(plan, self._sim)).to_json()

    async def _expire(self, params: Json) -> Json:
        self._sim.tokens.expire_all()
        return {}

    async def _rules(self, params: Json) -> Json:
        return self._sim.change_rules(params)
