"""Whether a bot works: each step a real call, each failure with the setting or console page that mends it.

The calls that send or change something are made with nothing in them: DingTalk looks at the permission first
and then refuses the empty body, so that nobody sees anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from mindbot.domain.abilities import Check
from mindbot.domain.errors import MindBotError, Rejected
from mindbot.domain.message import Json
from mindbot.platforms.dingtalk import wire
from mindbot.platforms.dingtalk.client import Client
from mindbot.platforms.dingtalk.stream import Line

_PERMISSION = "Forbidden.AccessDenied.AccessTokenPermissionDenied"
_ROBOT = "developer console, the app, Robot: add the robot and choose Stream mode"


async def run(client: Client, lines: Sequence[Line], *, cards: bool) -> list[Check]:
    """Test credentials, gateway, connections and permissions; never raises for what DingTalk says."""
    found = [await _token(client)]
    known = found[0].state == "ok"
    found += [await _gateway(client), _connections(lines)]
    if not known:
        return [*found, Check("permissions", "skipped", "without an access token nothing can be asked")]
    body: Json = {"robotCode": client.robot_code, "userIds": [], "msgKey": "sampleText", "msgParam": "{}"}
    found.append(await _allowed(client, "sending", "POST", "/v1.0/robot/oToMessages/batchSend", body))
    if cards:
        body = {"outTrackId": "mindbot-test", "guid": "mindbot-test", "key": "content", "content": ""}
        found.append(await _allowed(client, "AI cards", "PUT", "/v1.0/card/streaming", body))
    found.append(await _members(client))
    return found


async def _token(client: Client) -> Check:
    try:
        await client.token()
    except MindBotError as error:
        mend = error.hint or "`client_id` and `client_secret`: developer console, Credentials"
        return Check("access token", "failed", error.message, mend)
    return Check("access token", "ok")


async def _gateway(client: Client) -> Check:
    try:
        await client.open([wire.MESSAGES])
    except MindBotError as error:
        return Check("stream gateway", "failed", error.message, error.hint or _ROBOT)
    return Check("stream gateway", "ok")


def _connections(lines: Sequence[Line]) -> Check:
    up = sum(line.state == "connected" for line in lines)
    detail = f"{up} of {len(lines)} connections are up"
    if lines and up == len(lines):
        return Check("connections", "ok", detail)
    why = next((line.reason for line in lines if line.reason), "")
    mend = "can this machine reach api.dingtalk.com and wss-open-connection.dingtalk.com, port 443?"
    return Check("connections", "failed", f"{detail}: {why}" if why else detail, mend)


async def _allowed(client: Client, name: str, method: str, path: str, body: Json) -> Check:
    try:
        await client.call(method, path, body)
    except Rejected as error:
        if not error.code.startswith(_PERMISSION) and "robotCode" not in error.code:
            return Check(name, "ok", "allowed")
        mend = error.hint or "developer console, the app, Permissions"
        return Check(name, "failed", error.message, mend)
    except MindBotError as error:
        return Check(name, "failed", error.message, error.hint)
    return Check(name, "ok")


async def _members(client: Client) -> Check:
    """Looking up members is only needed for names and departments: without it the bot still answers."""
    try:
        await client.call_old("/topapi/v2/user/get", {"userid": "mindbot-test"})
    except Rejected as error:
        if error.code == "60011":
            return Check("members", "skipped", "names and departments are not known", error.hint)
        return Check("members", "ok", "allowed")
    except MindBotError as error:
        return Check("members", "failed", error.message, error.hint)
    return Check("members", "ok")
