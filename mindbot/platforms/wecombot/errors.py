"""What an AI bot's own error codes ask of us.

Source: WeCom developer centre, "AI bot long connection" (path/101463). The 8466xx and 853000 are on no page:
they are known from bug reports of the official SDKs' users.
"""

from __future__ import annotations

from mindbot.domain.errors import AuthFailed, Overloaded, Rejected, VendorError
from mindbot.platforms.wecom_shared import errors

BAD_REQUEST_ID = "846605"
EXPIRED = "846608"
NOT_SUBSCRIBED = "846609"
CONFLICT = "6000"

_REJECTED = {
    BAD_REQUEST_ID: ("the message that is answered is not known (any more)", ""),
    EXPIRED: ("the growing answer is too old, or has ended already", "see `stream_lifetime`"),
}


def error_for(code: int, errmsg: str, call: str) -> VendorError:
    """Return the error that a code other than 0 stands for. ``call`` is a command or an API's path."""
    shown = str(code)
    if code == 853000:
        hint = "compare `bot_id` and `secret` with the bot's API settings; is it in long-connection mode?"
        return AuthFailed(f"{call}: BotID or Secret are not accepted (errcode {code})", hint=hint, code=shown)
    if shown == NOT_SUBSCRIBED:
        return Overloaded(f"{call}: the subscription was lost (errcode {code})", code=shown)
    if found := _REJECTED.get(shown):
        return Rejected(f"{call}: {found[0]} (errcode {code})", hint=found[1], code=shown)
    return errors.error_for(code, errmsg, call)
