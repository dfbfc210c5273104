"""The control routes of the WeCom simulator: what users do and see, and how the platform behaves."""

from __future__ import annotations

import base64
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from mindbot.domain.errors import NotFound
from mindbot.domain.message import Json
from mindbot.sim.server import Control, need
from mindbot.sim.traffic import TrafficPlan, run
from mindbot.sim.wecom import samples

if TYPE_CHECKING:
    from mindbot.sim.wecom.server import WeComSimulator


def controls(wecom: WeComSimulator) -> dict[str, Control]:
    """Return the routes."""
    found = Controls(wecom)
    return {
        "GET /_sim/inbox": found.inbox,
        "GET /_sim/users": found.users,
        "GET /_sim/cards": found.cards,
        "POST /_sim/callback": found.callback,
        "POST /_sim/expire-tokens": found.expire_tokens,
        "POST /_sim/expire-media": found.expire_media,
        "POST /_sim/press": found.press,
        "POST /_sim/push": found.push,
        "POST /_sim/traffic": found.traffic,
        "PUT /_sim/rules": found.rules,
        "PUT /_sim/staff": found.staff,
        "POST /_sim/verify": found.verify,
    }


class Controls:
    """One simulator's."""

    def __init__(self, wecom: WeComSimulator) -> None:
        self._wecom = wecom

    async def inbox(self, params: Json) -> Json:
        shown = self._wecom.inbox(need(params, "user"))
        return {"messages": [message.to_json() for message in shown[int(params.get("since", 0)) :]]}

    async def users(self, params: Json) -> Json:
        return {"users": self._wecom.phones.users()}

    async def cards(self, params: Json) -> Json:
        user = need(params, "user").lower()
        return {"cards": [card.to_json(user) for card in self._wecom.cards.of(user)]}

    async def callback(self, params: Json) -> Json:
        self._wecom.callback_url = need(params, "url")
        return {"url": self._wecom.callback_url}

    async def expire_tokens(self, params: Json) -> Json:
        self._wecom.tokens.expire_all()
        return {}

    async def expire_media(self, params: Json) -> Json:
        self._wecom.shelf.expire()
        return {}

    async def press(self, params: Json) -> Json:
        pushed = await self._wecom.press(
            need(params, "user"),
            str(params.get("key", "")),
            task=str(params.get("task", "")),
            selected=params.get("selected") or {},
            menu=bool(params.get("menu")),
            url=str(params.get("url", "")),
        )
        return pushed.to_json()

    async def push(self, params: Json) -> Json:
        wecom = self._wecom
        user, url = need(params, "user"), params.get("url", "")
        persistent = float(params.get("persistent", 0))
        if "text" in params:
            msgid = params.get("msgid", "")
            text = params["text"]
            pushed = await wecom.push_text(user, text, msgid=msgid, url=url, persistent=persistent)
        elif "base64" in params:
            content = base64.b64decode(params["base64"], validate=True)
            kind, name = need(params, "msgtype"), str(params.get("name", ""))
            pushed = await wecom.push_file(
                user, kind, content, name, type=str(params.get("type", "")), url=url
            )
        elif "sample" in params:
            pushed = await wecom.push(user, *_sample(need(params, "sample")), url=url, persistent=persistent)
        else:
            fields = params.get("fields") or {}
            pushed = await wecom.push(user, need(params, "msgtype"), fields, url=url, persistent=persistent)
        return pushed.to_json()

    async def rules(self, params: Json) -> Json:
        wecom = self._wecom
        now = {"push": wecom.pusher.rules, "send": wecom.sender.rules, "api": wecom.quotas.rules}
        new: dict[str, Any] = {name: _changed(rules, params.get(name, {})) for name, rules in now.items()}
        wecom.pusher.use(new["push"])
        wecom.sender.rules = new["send"]
        wecom.quotas.rules = new["api"]
        return {name: TypeAdapter(type(rules)).dump_python(rules, mode="json") for name, rules in new.items()}

    async def staff(self, params: Json) -> Json:
        staff = self._wecom.staff
        staff.profiles |= {user.lower(): profile for user, profile in (params.get("profiles") or {}).items()}
        staff.unseen = {user.lower() for user in params.get("unseen", staff.unseen)}
        staff.names = bool(params.get("names", staff.names))
        staff.blocked = bool(params.get("blocked", staff.blocked))
        return {"profiles": staff.profiles, "unseen": sorted(staff.unseen)} | {
            "names": staff.names,
            "blocked": staff.blocked,
        }

    async def verify(self, params: Json) -> Json:
        verification = await self._wecom.verify(params.get("url", ""))
        return {"ok": verification.ok, "reason": verification.reason}

    async def traffic(self, params: Json) -> Json:
        return (await run(TrafficPlan.model_validate(params), self._wecom)).to_json()


def _changed(rules: Any, changes: Json) -> Any:
    return TypeAdapter(type(rules)).validate_python(asdict(replace(rules, **changes)))


def _sample(name: str) -> tuple[str, Json]:
    """Return message type and fields of a sample; raises NotFound."""
    if name in samples.MESSAGES:
        return name, dict(samples.MESSAGES[name])
    if name in samples.EVENTS:
        return "event", {"Event": name, **samples.EVENTS[name]}
    raise NotFound(f"no sample {name!r}, there are {', '.join((*samples.MESSAGES, *samples.EVENTS))}")
