"""Coze's refusals: HTTP 200 with a ``code`` other than 0, ``msg`` and a log id.

Sources: cozepy 0.20.0, coze.cn "Error codes". Of the numbers only 4000, 4104 and 5000 are certain; the others
are as clients in the field name them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from mindbot.sim.models.refusals import ModelApiError, RefusalTable

#: code → sentence.
CODES: Mapping[int, str] = {
    4000: "Request parameter error: {what}",
    4001: "Authentication failed",
    4013: "The number of requests has exceeded the limit. Please try again later.",
    4015: "The bot_id {what} has not been published to the channel Agent As API.",
    4016: "Conversation occupied: the conversation {what} has a chat that is still in progress.",
    4019: "Your free quota has been used up.",
    4020: "The number of requests a day of your plan has been used up.",
    4028: "Your balance is insufficient. Please recharge and try again.",
    4029: "The token quota of your plan has been used up.",
    4100: "authentication is invalid",
    4101: "The token you entered does not have the permission {what}.",
    4104: "The chat {what} cannot be canceled in its present state.",
    4200: "Requested resource {what} does not exist.",
    5000: "internal error",
    700012006: "access token invalid",
    720702222: "The content was blocked, since it may be against the rules.",
}
#: HTTP status → the code that would say so here.
USUAL: Mapping[int, int] = {400: 4000, 401: 4100, 403: 4101, 404: 4200, 429: 4013, 500: 5000}


def sentence(code: int, what: str = "") -> str:
    """Return the words of a code."""
    return CODES.get(code, "something went wrong").format(what=what).strip()


def refused(code: int, what: str = "", *, status: int = 200, said: str = "") -> ModelApiError:
    """Return the refusal of a code; ``what`` is what it is about, ``said`` are other words for it."""
    return ModelApiError(status, {"code": code, "msg": said or sentence(code, what)})


def _made(code: int, _now: float) -> ModelApiError:
    return refused(code)


#: All refusals; their codes are their names.
REFUSALS: RefusalTable = {str(code): partial(_made, code) for code in CODES}
