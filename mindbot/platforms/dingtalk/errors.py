"""DingTalk's error codes, and what each asks of us.

Sources: "Server API error codes", "How to process API throttling on the DingTalk server", "Chatbots send
one-on-one chat messages in batches" (open.dingtalk.com/document). A 403 may be a limit or a missing
permission: the code decides, never the status alone. A throttled request was not carried out.
"""

from __future__ import annotations

import json
import re

from mindbot.domain import fields
from mindbot.domain.errors import (
    AuthFailed,
    NetworkFailed,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
    VendorError,
)
from mindbot.domain.message import Json
from mindbot.domain.ports.http import Response
from mindbot.platforms.proxy_answers import without_code

#: The access token is not accepted: forget it, fetch another, try once more.
STALE_TOKEN = frozenset(
    {"InvalidAuthentication", "Unauthorized", "40014", "42001", "invalidParameter.token.invalid"}
)

#: A session webhook that has ended.
SESSION_GONE = "300001"

#: A session webhook refuses to carry anything: the robot API may still.
WEBHOOK_GONE = frozenset({SESSION_GONE, "310000", "400013", "400101", "400102", "400105", "400106"})

#: Webhooks carry so many messages a minute and no more.
WEBHOOK_BUSY = frozenset({"410100", "130101"})

_BANNED = "1111"  # the one limit that is not of an API or a conversation
_WAITS = {  # seconds
    "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi": 1.0,
    "Forbidden.AccessDenied.QpsLimitForApi": 2.0,
    "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi": 30.0,
    "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi": 1.0,
    "Forbidden.AccessDenied.QpmLimitForSuitekeyAndOrgAndApi": 30.0,
    "send.too.fast": 5.0,
    "send.byToken.tooFast": 5.0,
    "too.many.group": 5.0,
    "too.many.people": 5.0,
    "90018": 1.0,
    "90002": 2.0,
    "410100": 60.0,
    "130101": 60.0,
    _BANNED: 300.0,  # this machine's address was calling too much: banned for five minutes
}
#: What the page says that answers calls of a banned address; it may be JSON as well.
_BAN = (b"punish", b"x5sec", b"x5referer")
_QUOTA = frozenset({"Forbidden.AccessDenied.ApiCountLimitForOrg", "90020", "20001"})
_CREDENTIALS = {
    "authFailed": "check `client_id` and `client_secret`",
    "invalidClientIdOrSecret": "check `client_id` and `client_secret`",
    "40001": "check `client_secret`",
    "40089": "check `client_id` and `client_secret`",
    "40014": "the token is refused right after it was issued; check `client_id`",
    "42001": "the token is refused right after it was issued; check `client_id`",
    "Unauthorized": "check `client_id` and `client_secret`",
    "invalidParameter.token.invalid": "the token is refused right after it was issued; check `client_id`",
    "InvalidAuthentication": "the token is refused right after it was issued; check `client_id`",
    "unauthorized": "check `client_id` and `client_secret`",
}
_BUSY = frozenset({"system.error", "system.busy", "-1", "15", "88"})
_HINTS = {
    "staffId.notExisted": "the user is not in this enterprise",
    "chatbotId.notAllow.sendOTO": "publish the robot in the developer console",
    "robot.oto.notExist": "the robot has no one-to-one chat; check `robot_code`",
    "invalidParameter.robotCode.notExsit": "check `robot_code`; empty is the client id",
    "invalidParameter.robotCode.auth": "check `robot_code`; empty is the client id",
    "not.allowed.robotCode": "check `robot_code`; empty is the client id",
    "invalid.openConversationId": "the robot must be a member of the group",
    "bot.stopped": "enable the robot in the developer console",
    "param.templateNotExist": "check `card_template_id`",
    "param.templateUnpublished": "publish the card template",
    "param.userIdNotExist": "the user is not in this enterprise",
    "40004": "DingTalk does not take files of this kind; see `pack_files`",
    "430101": "DingTalk thinks a link in the answer unsafe",
    "33012": "the user is not in this enterprise",
}


def error_of(response: Response, call: str) -> VendorError | None:
    """Return what an answer of either API says went wrong, or None when it is a success."""
    try:
        body = response.json()
    except VendorError:
        if any(mark in response.body for mark in _BAN):
            return _known(_BANNED, "this machine's address is banned for five minutes", {}, call)
        body = None
    if not isinstance(body, dict):
        return without_code(response, call)
    if response.status == 200 and any(
        isinstance(body.get(name), dict | list) for name in ("code", "errcode")
    ):
        return NetworkFailed(f"{call}: the answer's code is neither number nor word", sent=True)
    banned = "1111" if fields.whole(body.get("status")) == 1111 else ""
    code = _code(body.get("code")) or _code(body.get("errcode")) or banned
    if response.status == 200 and not code:
        return None
    text = fields.text(body.get("message")) or fields.text(body.get("errmsg"))
    if found := _known(code, text, body, call):
        return found
    if not code or response.status >= 500 or response.status == 429:
        found = without_code(response, call)
        found.code = code or found.code
        return found
    return Rejected(
        _says(call, code, text),
        hint=_HINTS.get(code, ""),
        code=code,
    )


def _code(value: object) -> str:
    """Return a code as text; nothing for the ones that mean success."""
    code = fields.text(value).strip()
    return "" if code in ("0", "0.0") else code


def _says(call: str, code: str, text: str) -> str:
    """Return what a refusal says; a text that begins with its code, or is no more than that, is said once."""
    said = text[:200] if text.startswith(code) else f"{code} {text[:200]}"
    return f"{call}: {said}".rstrip()


def _known(code: str, text: str, body: Json, call: str) -> VendorError | None:
    says = _says(call, code, text)
    if code in _WAITS:
        return RateLimited(
            says, code=code, retry_after=_WAITS[code], scope="bot" if code == _BANNED else "session"
        )
    if code in _QUOTA:
        hint = "the month's API calls are used up; buy more, or wait for the next month"
        return QuotaExceeded(says, hint=hint, code=code)
    if code in _CREDENTIALS:
        return AuthFailed(says, hint=_CREDENTIALS[code], code=code)
    if code.endswith("IpNotInWhiteList") or code == "60020":
        ip = re.search(r"\d+\.\d+\.\d+\.\d+", json.dumps(body, ensure_ascii=False))
        which = ip[0] if ip else "this machine's public address"
        return AuthFailed(says, hint=f"allow {which} in the app's security settings", code=code)
    if code == "88" and fields.text(body.get("sub_code")) == "60011":
        words = fields.text(body.get("sub_msg")) or text
        return Rejected(
            says, hint=f"grant it to the app in the developer console: {words[:200]}", code="60011"
        )
    if code.startswith("Forbidden.AccessDenied.AccessTokenPermissionDenied"):
        detail = fields.mapping(body.get("accessdenieddetail"))
        scopes = fields.texts(detail.get("requiredScopes")) or ["the one the message names"]
        hint = f"grant {', '.join(scopes)} to the app in the developer console"
        return Rejected(says, hint=hint, code=code)
    if code in _BUSY:
        return Overloaded(says, code=code)
    return None
