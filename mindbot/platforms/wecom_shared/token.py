"""Fetch an app's access token.

Source: WeCom developer centre, "Obtain access_token" (path/91039): one token per corp and app secret, lent
for two hours; frequent fetches are throttled, repeated wrong secrets get the calling IP banned for an hour.
"""

from __future__ import annotations

from mindbot.domain import fields
from mindbot.domain.ports.http import Http
from mindbot.platforms.tokens import Lent, lent
from mindbot.platforms.wecom_shared import errors

_CALL = "gettoken"


async def fetch_token(http: Http, base_url: str, corpid: str, secret: str, *, timeout: float = 10.0) -> Lent:
    """Ask for a token. ``timeout`` is seconds.

    Raises:
        VendorError: AuthFailed for wrong credentials, RateLimited, Overloaded, NetworkFailed.
    """
    response = await http.request(
        "GET",
        f"{base_url}/cgi-bin/gettoken",
        params={"corpid": corpid, "corpsecret": secret},
        timeout=timeout,
    )
    answer = errors.answer_of(response, _CALL)
    if code := errors.code_of(answer):
        raise errors.error_for(code, fields.text(answer.get("errmsg")), _CALL)
    return lent(answer.get("access_token"), answer.get("expires_in"), _CALL)
