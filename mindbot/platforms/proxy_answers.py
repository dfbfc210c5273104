"""Answers of an HTTP status without a code of the vendor's own: something in between said them.

A proxy, a portal or a load balancer that is being changed answers a call in the vendor's place with 302, 400,
403, 404, 407… and a page. That is not the vendor's last word on what was asked, so it is asked again.
"""

from __future__ import annotations

from mindbot.domain.errors import NetworkFailed, Overloaded, RateLimited, Rejected, VendorError
from mindbot.domain.ports.http import Response
from mindbot.http.retry import retry_after

_TOO_LARGE = frozenset({413, 414, 431})  # whoever said it: the same request is no smaller next time


def without_code(response: Response, call: str, setting: str = "api_base_url") -> VendorError:
    """Return the error for an answer to ``call`` that holds no code of the vendor's.

    ``setting`` names what may point elsewhere. A gateway's 502 and 504 leave open whether what stands behind
    it took the request; any other refusal by somebody in between has not passed it on.
    """
    status = response.status
    shown = f"{call}: HTTP {status}"
    if status == 200:
        return NetworkFailed(f"{call}: the answer is not the vendor's JSON", hint=_hint(setting), sent=True)
    if status in (502, 504):
        return NetworkFailed(shown, code=str(status), sent=True)
    if status >= 500:
        return Overloaded(shown, code=str(status))
    if status == 429:
        wait = retry_after(response.headers)
        return RateLimited(shown, code="429", retry_after=1.0 if wait is None else wait)
    if status in _TOO_LARGE:
        return Rejected(shown, hint="the request is too large for something on the way", code=str(status))
    text = f"{shown} without a code of the vendor's"
    return NetworkFailed(text, hint=_hint(setting), code=str(status), sent=False)


def _hint(setting: str) -> str:
    return f"a proxy or portal in between answered, or `{setting}` points elsewhere; it is asked again"
