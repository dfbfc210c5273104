"""What can be asked of the WeCom simulator: what users do and see, and how the platform behaves."""

from __future__ import annotations

import base64
from typing import Any

from mindbot.domain.errors import NotFound
from mindbot.domain.message import Json
from mindbot.sim.server import need
from mindbot.sim.verbs import CALLING, Verbs, changed, shown
from mindbot.sim.wecom import samples
from mindbot.sim.wecom.server import WeComSimulator

VERBS = Verbs[WeComSimulator](CALLING)


@VERBS("GET", "cards")
async def _cards(sim: WeComSimulator, params: Json) -> Json:
    user = need(params, "user").lower()
    return {"cards": [card.to_json(user) for card in sim.cards.of(user)]}


@VERBS("POST", "expire-tokens")
async def _expire_tokens(sim: WeComSimulator, params: Json) -> Json:
    sim.tokens.expire_all()
    return {}


@VERBS("POST", "expire-media")
async def _expire_media(sim: WeComSimulator, params: Json) -> Json:
    sim.shelf.expire()
    return {}


@VERBS("POST", "press")
async def _press(sim: WeComSimulator, params: Json) -> Json:
    pushed = await sim.press(
        need(params, "user"),
        str(params.get("key", "")),
        task=str(params.get("task", "")),
        selected=params.get("selected") or {},
        menu=bool(params.get("menu")),
        url=str(params.get("url", "")),
    )
    return pushed.to_json()


@VERBS("POST", "push")
async def _push(sim: WeComSimulator, params: Json) -> Json:
    user, url = need(params, "user"), params.get("url", "")
    persistent = float(params.get("persistent", 0))
    if "text" in params:
        msgid = params.get("msgid", "")
        text = params["text"]
        pushed = await sim.push_text(user, text, msgid=msgid, url=url, persistent=persistent)
    elif "base64" in params:
        content = base64.b64decode(params["base64"], validate=True)
        kind, name = need(params, "msgtype"), str(params.get("name", ""))
        pushed = await sim.push_file(user, kind, content, name, type=str(params.get("type", "")), url=url)
    elif "sample" in params:
        pushed = await sim.push(user, *_sample(need(params, "sample")), url=url, persistent=persistent)
    else:
        fields = params.get("fields") or {}
        pushed = await sim.push(user, need(params, "msgtype"), fields, url=url, persistent=persistent)
    return pushed.to_json()


@VERBS("PUT", "rules")
async def _rules(sim: WeComSimulator, params: Json) -> Json:
    now = {"push": sim.pusher.rules, "send": sim.sender.rules, "api": sim.quotas.rules}
    new: dict[str, Any] = {name: changed(rules, params.get(name, {})) for name, rules in now.items()}
    sim.pusher.use(new["push"])
    sim.sender.rules = new["send"]
    sim.quotas.rules = new["api"]
    return {name: shown(rules) for name, rules in new.items()}


@VERBS("PUT", "staff")
async def _staff(sim: WeComSimulator, params: Json) -> Json:
    staff = sim.staff
    staff.profiles |= {user.lower(): profile for user, profile in (params.get("profiles") or {}).items()}
    staff.unseen = {user.lower() for user in params.get("unseen", staff.unseen)}
    staff.names = bool(params.get("names", staff.names))
    staff.blocked = bool(params.get("blocked", staff.blocked))
    return {"profiles": staff.profiles, "unseen": sorted(staff.unseen)} | {
        "names": staff.names,
        "blocked": staff.blocked,
    }


@VERBS("POST", "verify")
async def _verify(sim: WeComSimulator, params: Json) -> Json:
    verification = await sim.verify(params.get("url", ""))
    return {"ok": verification.ok, "reason": verification.reason}


def _sample(name: str) -> tuple[str, Json]:
    """Return message type and fields of a sample; raises NotFound."""
    if name in samples.MESSAGES:
        return name, dict(samples.MESSAGES[name])
    if name in samples.EVENTS:
        return "event", {"Event": name, **samples.EVENTS[name]}
    raise NotFound(f"no sample {name!r}, there are {', '.join((*samples.MESSAGES, *samples.EVENTS))}")
