"""WeCom's error codes, and what each asks of us.

Sources: WeCom developer centre, "Global error codes" (path/90313) and "Call frequency" (path/90312).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mindbot.domain import fields
from mindbot.domain.errors import (
    AuthFailed,
    NetworkFailed,
    Overloaded,
    RateLimited,
    Rejected,
    VendorError,
)
from mindbot.domain.message import Json
from mindbot.domain.ports.http import Response
from mindbot.platforms.proxy_answers import without_code

#: The access token is not accepted: forget it, fetch another, try once more.
STALE_TOKEN = frozenset({40001, 40014, 42001})

#: Too many calls at the same time: fewer of them, and soon again.
TOO_MANY_AT_ONCE = "45033"

#: Seconds to wait after a limit: 45009 blocks for the window that was hit, 45033 is about concurrency.
_RETRY_AFTER = {45009: 60.0, 45033: 2.0}

_OVERLOADED = {-1: "the system is busy", 6000: "several writers changed the same data"}


class NoAnswer(NetworkFailed):
    """What came under status 200 holds no code; ``body`` is it. Whether the call was done is unknown."""

    def __init__(self, message: str, *, hint: str = "", body: bytes = b"") -> None:
        super().__init__(message, hint=hint, sent=True)
        self.body = body


@dataclass(frozen=True, slots=True)
class _Meaning:
    says: str
    hint: str = ""


_IP_HINT = (
    "allow {ip} in the WeCom admin console: Apps > the app > Company's trusted IP (企业可信IP); "
    "a change takes about a minute"
)

#: A person has to mend something before the next call can work.
_AUTH = {
    40001: _Meaning("the app secret is wrong", "compare `secret` with Apps > the app > Secret"),
    40013: _Meaning("the corp id is wrong", "compare `corpid` with My Company > Company ID (企业ID)"),
    40014: _Meaning("the access token is not accepted", "the app was stopped or its secret reset"),
    40056: _Meaning("the agent id is wrong", "compare `agent_id` with Apps > the app > AgentId"),
    41001: _Meaning("the access token is missing"),
    42001: _Meaning(
        "a fresh access token counts as expired", "check the clock and other users of the secret"
    ),
    48002: _Meaning("the app has no permission for this call", "grant it in the app's settings"),
    48005: _Meaning("WeCom has dropped this call for the app"),
    48009: _Meaning("this IP may not read contacts with the contacts secret"),
    50003: _Meaning("the app is disabled", "enable it in the admin console"),
    60020: _Meaning("calls from this IP address are not allowed", _IP_HINT),
    301002: _Meaning("the token belongs to another app", "`agent_id` and `secret` must be of one app"),
}

#: This request will be refused again as it stands; others may pass.
_REJECTED = {
    40003: _Meaning("no such user id"),
    40004: _Meaning("bad media type"),
    40005: _Meaning("bad file type"),
    40006: _Meaning("bad file size"),
    40007: _Meaning("bad or expired media id", "media ids live three days"),
    40008: _Meaning("bad message type"),
    40009: _Meaning("bad image size"),
    40011: _Meaning("bad video size"),
    40031: _Meaning("bad list of user ids"),
    40032: _Meaning("bad length of the list of user ids"),
    40035: _Meaning("bad parameter"),
    40058: _Meaning("bad parameter"),
    40063: _Meaning("empty parameter"),
    40096: _Meaning("bad external user id"),
    40123: _Meaning("bad image data"),
    40201: _Meaning("blocked by WeCom's anti-spam"),
    42014: _Meaning("card task id used twice"),
    42019: _Meaning("card key used twice"),
    42022: _Meaning("card response code used twice"),
    43004: _Meaning("the user does not follow the WeChat plugin"),
    43012: _Meaning("cards need a callback URL", "set the app's URL for receiving messages"),
    44001: _Meaning("empty media"),
    44004: _Meaning("empty text"),
    45001: _Meaning("media too large"),
    45002: _Meaning("content too long"),
    45007: _Meaning("voice too long"),
    45008: _Meaning("too many articles"),
    45032: _Meaning("picture URL too long"),
    45034: _Meaning("URL too long"),
    46004: _Meaning("no such user"),
    50002: _Meaning("the user is outside the app's visible range", "widen it in the app's settings"),
    60011: _Meaning("no right on this member or department", "widen the app's visible range"),
    60021: _Meaning("the user is outside the app's visible range", "widen it in the app's settings"),
    60111: _Meaning("no such user id"),
    81013: _Meaning("every receiver is invalid", "are they inside the app's visible range?"),
    82001: _Meaning("no receiver given"),
    82002: _Meaning("too many departments"),
    82003: _Meaning("too many tags"),
    82004: _Meaning("content would crash clients"),
    85002: _Meaning("forbidden words"),
    301021: _Meaning("no such user id"),
    95000: _Meaning("bad open_kfid"),
    95001: _Meaning("five messages were sent since the customer wrote", "the customer must write again"),
    95002: _Meaning("the customer wrote more than 48 hours ago", "the customer must write again"),
    95003: _Meaning("the enterprise is not verified", "verify it in WeCom's console"),
    95004: _Meaning("no such customer service account", "was it deleted?"),
    95007: _Meaning("the callback's token has ended"),
    95008: _Meaning("more than ten menu items"),
    95013: _Meaning("the conversation has ended"),
    95014: _Meaning("not a servicer of this account", "add the person to the account's servicers"),
    95016: _Meaning("the conversation's state does not allow that"),
    95017: _Meaning("the account is not managed by the API", "let the app manage it, in the console"),
    95018: _Meaning("the conversation's state does not allow messages of the bot"),
    95019: _Meaning("this servicer does not take conversations now"),
    95031: _Meaning("the customer was silent for 48 hours"),
}


_NO_CODE = -(1 << 62)


def code_of(answer: Json) -> int:
    """Return ``errcode`` of a decoded answer.

    Raises:
        ValueError: there is none, or it is not a number.
    """
    code = fields.whole(fields.mapping(answer).get("errcode"), _NO_CODE)
    if code == _NO_CODE:
        raise ValueError("no errcode in the answer")
    return code


def error_for(code: int, errmsg: str, call: str) -> VendorError:
    """Return the error that a code other than 0 stands for. ``call`` is the API's path, for the message."""
    shown = str(code)
    if code in _RETRY_AFTER:
        what = "too many calls" if code == 45009 else "too many calls at once"
        return RateLimited(
            f"{call}: {what} (errcode {code})",
            code=shown,
            retry_after=_RETRY_AFTER[code],
            # Limits are an API's own, and its gate holds up the others; without a token nothing goes.
            scope="bot" if call == "gettoken" else "session",
        )
    if code in _OVERLOADED:
        return Overloaded(f"{call}: {_OVERLOADED[code]} (errcode {code})", code=shown)
    if meaning := _AUTH.get(code):
        hint = meaning.hint.format(ip=_address_in(errmsg)) if code == 60020 else meaning.hint
        return AuthFailed(f"{call}: {meaning.says} (errcode {code})", hint=hint, code=shown)
    if meaning := _REJECTED.get(code):
        return Rejected(f"{call}: {meaning.says} (errcode {code})", hint=meaning.hint, code=shown)
    return Rejected(f"{call}: {errmsg[:200] or 'refused'} (errcode {code})", code=shown)


def answer_of(response: Response, call: str) -> Json:
    """Return a decoded answer with its errcode, whatever the HTTP status: the code decides.

    Raises:
        NoAnswer: there is none under status 200.
        VendorError: there is none, or a server failed; see `mindbot.platforms.proxy_answers`.
    """
    if response.status == 429 or response.status >= 500:
        raise without_code(response, call)
    try:
        answer: Json = response.json()
        if code_of(answer) or response.status == 200:
            return answer
    except (VendorError, ValueError) as error:
        refusal = without_code(response, call)
        if response.status == 200:
            refusal = NoAnswer(refusal.message, hint=refusal.hint, body=response.body)
        raise refusal from error
    raise without_code(response, call)


def _address_in(errmsg: str) -> str:
    found = re.search(r"from ip:\s*([0-9a-fA-F.:]*[0-9a-fA-F])", errmsg)
    return found[1] if found else "this machine's public address"
