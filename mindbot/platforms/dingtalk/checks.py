"""Whether a bot works: each step a real call, each failure with the setting or console page that mends it.

The calls that send or change something are made with nothing in them: DingTalk looks at the permission first
and then refuses the empty body, so that nobody sees anything.
"""

from __future__ import annotations

from mindbot.domain.abilities import Check
from mindbot.domain.errors import AuthFailed, MindBotError, NetworkFailed, Rejected
from mindbot.domain.message import Json
from mindbot.platforms.dingtalk import wire
from mindbot.platforms.dingtalk.client import DingTalkClient
from mindbot.platforms.dingtalk.stream import Stream
from mindbot.platforms.self_test import SelfTest, mend_for, reach, well

_PERMISSION = "Forbidden.AccessDenied.AccessTokenPermissionDenied"
_ROBOT = "developer console, the app, Robot: add the robot and choose Stream mode"
_CREDENTIALS = "`client_id` and `client_secret`: developer console, Credentials"
_PERMISSIONS = "developer console, the app, Permissions"
_STREAM = "wss://wss-open-connection.dingtalk.com"
_CONNECTS = 5.0  # seconds for connections whose credentials were mended


async def run(
    self_test: SelfTest, client: DingTalkClient, stream: Stream | None, *, cards: bool
) -> tuple[list[Check], bool]:
    """Test credentials, gateway, connections and permissions; never raises for what DingTalk says.

    Returns the findings, and whether the credentials are proved.
    """

    async def gateway() -> str:
        await client.open([wire.MESSAGES])
        if stream is not None and stream.again():
            await self_test.until(lambda: all(line.state == "connected" for line in stream.lines), _CONNECTS)
        return ""

    async def sending() -> str:
        body: Json = {"robotCode": client.robot_code, "userIds": [], "msgKey": "sampleText", "msgParam": "{}"}
        await _allowed(client, "POST", "/v1.0/robot/oToMessages/batchSend", body)
        return "allowed" if await _known(client) else "allowed; `robot_code` not checked"

    async def streaming() -> str:
        body = {"outTrackId": "mindbot-test", "guid": "mindbot-test", "key": "content", "content": ""}
        return await _allowed(client, "PUT", "/v1.0/card/streaming", body)

    async def members() -> str | Check:
        return await _members(client)

    async def app() -> list[Check]:
        token = await self_test.token("access token", client, _CREDENTIALS)
        if not well(token):
            why = "without an access token nothing can be asked"
            return [*token, Check("permissions", "skipped", why)]
        steps = [self_test.step("sending", sending, _PERMISSIONS)]
        steps += [self_test.step("AI cards", streaming, _PERMISSIONS)] if cards else []
        return token + await self_test.together(*steps, self_test.step("members", members, _PERMISSIONS))

    token, *permissions, line = await self_test.together(
        app(), self_test.step("stream gateway", gateway, _ROBOT)
    )
    proved = all(check.state == "ok" for check in (token, line, permissions[0]))
    return [token, line, _connections(self_test, stream), *permissions], proved


def _connections(self_test: SelfTest, stream: Stream | None) -> Check:
    lines = stream.lines if stream else []
    up = sum(line.state == "connected" for line in lines)
    detail = f"{up} of {len(lines)} connections are up"
    if lines and up == len(lines):
        return Check("connections", "ok", detail)
    if all(line.state == "closed" for line in lines):
        mend = f"is the bot started? `mindbot platform show {self_test.bot}` has its reason"
        return Check("connections", "failed", detail, mend)
    down = next((line for line in lines if line.reason), None)
    detail = f"{detail}: {down.reason}" if down else detail
    error = (down and down.error) or NetworkFailed("the connection was lost")
    if isinstance(error, NetworkFailed) and not error.hint:
        return Check("connections", "failed", detail, reach(self_test.url, _STREAM))
    mend = _CREDENTIALS if isinstance(error, AuthFailed) else _ROBOT
    return Check("connections", "failed", detail, mend_for(error, mend, self_test.url))


async def _allowed(client: DingTalkClient, method: str, path: str, body: Json) -> str:
    """Make a call with nothing in it; raises what says that it is not allowed."""
    try:
        await client.call(method, path, body)
    except Rejected as error:
        if error.code.startswith(_PERMISSION) or "robotCode" in error.code:
            raise
    return "allowed"


async def _known(client: DingTalkClient) -> bool:
    """Tell whether DingTalk knows the robot code: asked to recall a message that is not there, it says so.

    What `_allowed` sends is refused for its empty list before the robot is looked at. Raises Rejected when it
    is another's; False when nobody can tell.
    Source: "Batch recall one-on-one chat messages" (open.dingtalk.com/document).
    """
    body: Json = {"robotCode": client.robot_code, "processQueryKeys": ["mindbot-test"]}
    try:
        await client.call("POST", "/v1.0/robot/otoMessages/batchRecall", body)
    except Rejected as error:
        if "robotCode" in error.code:
            raise
        return False
    except MindBotError:
        return False
    return True


async def _members(client: DingTalkClient) -> str | Check:
    """Looking up members is only needed for names and departments: without it the bot still answers."""
    try:
        await client.call_old("/topapi/v2/user/get", {"userid": "mindbot-test"})
    except Rejected as error:
        if error.code == "60011":
            return Check("members", "skipped", "names and departments are not known", error.hint)
    return "allowed"
