"""The self-test of one application: each step names the setting or console page that mends it.

Sources: WeCom developer centre, "Get application" (path/90227), "Global error codes" (path/90313).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from mindbot.domain.abilities import Check
from mindbot.domain.errors import MindBotError, VendorError
from mindbot.domain.message import Json
from mindbot.platforms.wecom.api import Api

_NEEDS_AGENT = "set `agent_id` in the bot's wecom section (Apps > the app > AgentId)"
_TRUSTED = "Apps > the app > Company's trusted IP (企业可信IP)"


async def step(name: str, work: Callable[[], Awaitable[str]], mend: str) -> Check:
    """Do one step; what is refused is told with its code, and its own hint where it has one."""
    try:
        return Check(name, "ok", await work())
    except MindBotError as error:
        return Check(name, "failed", error.message, error.hint or mend)


async def application(api: Api, agent: int | None) -> list[Check]:
    """Read the application itself: that proves the agent id, the right to call, and the trusted address."""
    if not agent:
        detail = "no agent id yet: neither set nor learnt from a callback"
        return [Check("application", "skipped", detail, _NEEDS_AGENT)]
    try:
        app = await api.get("agent/get", agentid=str(agent))
    except VendorError as error:
        if error.code == "60020":
            trusted = Check("trusted IP", "failed", error.message, error.hint)
            return [Check("application", "skipped", "not before the address is trusted", _TRUSTED), trusted]
        mend = error.hint or "compare `agent_id` and `secret` with Apps > the app"
        return [Check("application", "failed", error.message, mend)]
    except MindBotError as error:
        return [Check("application", "failed", error.message, error.hint or "is WeCom reachable?")]
    if int(app.get("close") or 0):
        return [Check("application", "failed", "it is disabled", "enable it: Apps > the app")]
    seen = _visible(app)
    found = [Check("application", "ok", f"{app.get('name', '')} ({agent}); {seen or 'visible to nobody'}")]
    if not seen:
        found = [
            Check("application", "failed", "visible to nobody", "Apps > the app > Visible range (可见范围)")
        ]
    return [*found, Check("trusted IP", "ok")]


def _visible(app: Json) -> str:
    """Return who the application is visible to."""
    counts = {
        "members": len((app.get("allow_userinfos") or {}).get("user") or ()),
        "departments": len((app.get("allow_partys") or {}).get("partyid") or ()),
        "tags": len((app.get("allow_tags") or {}).get("tagid") or ()),
    }
    said = ", ".join(f"{n} {what if n > 1 else what[:-1]}" for what, n in counts.items() if n)
    return f"visible to {said}" if said else ""


def callbacks(since: float, count: int, path: str, now: float) -> Check:
    """Tell whether WeCom calls back."""
    if count:
        ago = max(0, round(now - since))
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since))
        return Check("callbacks", "ok", f"{count} since the start, the last {ago}s ago ({at})")
    mend = f"Apps > the app > Receive messages > Set API receive: the URL ends in {path}; write to the app"
    return Check("callbacks", "skipped", "none since the start", mend)
