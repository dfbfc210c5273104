"""The self-test of one application: each step names the setting or console page that mends it.

Sources: WeCom developer centre, "Get application" (path/90227), "Global error codes" (path/90313).
"""

from __future__ import annotations

from mindbot.domain import fields
from mindbot.domain.abilities import Check
from mindbot.domain.errors import VendorError
from mindbot.domain.message import Json
from mindbot.platforms.self_test import SelfTest, well
from mindbot.platforms.wecom_shared.api import Api
from mindbot.platforms.wecom_shared.endpoint import Endpoint

_NO_AGENT = "no agent id yet: pushes need `agent_id`; answers take it from the callback"
_NEEDS_AGENT = "set `agent_id` in the bot's wecom section (Apps > the app > AgentId)"
_TRUSTED = "Apps > the app > Company's trusted IP (企业可信IP)"
RECEIVE = "Apps > the app > Receive messages > Set API receive"
_CONTACTS = "`contacts_secret`: Management tools > Contacts sync (通讯录同步) > Secret"


async def run(
    self_test: SelfTest,
    api: Api,
    endpoint: Endpoint,
    contacts: Api | None,
    *,
    agent: int | None,
    refused: str,
) -> tuple[list[Check], bool]:
    """Test secrets, tokens and the application; returns the findings, and whether the credentials are proved.

    ``agent`` is the agent id as far as it is known, ``refused`` why contacts could not be read lately.
    """

    async def secrets() -> str:
        await endpoint.prepare()
        return ""

    async def app() -> list[Check]:
        found = await self_test.token("access token", api, "`corpid` and `secret` of this bot")
        return found + (await application(self_test, api, agent) if well(found) else [])

    async def directory() -> list[Check]:
        if contacts is None:
            return []
        if refused:
            return [Check("contacts secret", "failed", refused, _CONTACTS)]
        return await self_test.token("contacts secret", contacts, _CONTACTS)

    secret = await self_test.step("callback secrets", secrets, "`token` and `EncodingAESKey` of this bot")
    own: list[Check] = []

    async def noted() -> list[Check]:
        own.extend(await app())
        return own

    rest = await self_test.together(noted(), directory())
    return [*secret, *rest], well([*secret, *own])


async def application(self_test: SelfTest, api: Api, agent: int | None) -> list[Check]:
    """Read the application itself: that proves the agent id, the right to call, and the trusted address."""
    if not agent:
        return [Check("application", "skipped", _NO_AGENT, _NEEDS_AGENT)]

    async def read() -> list[Check]:
        try:
            app = await api.get("agent/get", agentid=str(agent))
        except VendorError as error:
            if error.code != "60020":
                raise
            trusted = Check("trusted IP", "failed", error.message, error.hint)
            return [Check("application", "skipped", "not before the address is trusted", _TRUSTED), trusted]
        if fields.whole(app.get("close")):
            return [Check("application", "failed", "it is disabled", "enable it: Apps > the app")]
        if not (seen := _visible(app)):
            mend = "Apps > the app > Visible range (可见范围)"
            found = Check("application", "failed", "visible to nobody", mend)
        else:
            found = Check("application", "ok", f"{fields.text(app.get('name'))} ({agent}); {seen}")
        return [found, Check("trusted IP", "ok")]

    return await self_test.step("application", read, "compare `agent_id` and `secret` with Apps > the app")


def _visible(app: Json) -> str:
    """Return who the application is visible to."""
    counts = {
        "members": _count(app, "allow_userinfos", "user"),
        "departments": _count(app, "allow_partys", "partyid"),
        "tags": _count(app, "allow_tags", "tagid"),
    }
    said = ", ".join(f"{n} {what if n > 1 else what[:-1]}" for what, n in counts.items() if n)
    return f"visible to {said}" if said else ""


def _count(app: Json, outer: str, inner: str) -> int:
    return len(fields.items(fields.mapping(app.get(outer)).get(inner)))
