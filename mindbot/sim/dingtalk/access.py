"""Tokens, refusals and call limits of DingTalk's two APIs.

Sources: "Obtain the access token of an internal app", "Server API error codes", "How to handle API
throttling" (open.dingtalk.com/document).
"""

from __future__ import annotations

import secrets
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from mindbot.domain.message import Json

QPS = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"


class Refusal(Exception):
    """A refusal of the new API: an HTTP status and a code of words."""

    def __init__(self, status: int, code: str, message: str = "", **more: Json) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.body: Json = {
            "code": code,
            "message": message or code,
            "requestid": secrets.token_hex(8),
            **more,
        }


class OldRefusal(Exception):
    """A refusal of the old API and of webhooks: HTTP 200 and a number."""

    def __init__(self, errcode: int, errmsg: str = "", **more: str) -> None:
        super().__init__(errmsg)
        self.code = str(errcode)
        self.body: Json = {"errcode": errcode, "errmsg": errmsg or "refused", "request_id": "sim", **more}


def bad_token() -> Refusal:
    """The new API's answer to a token it does not accept: 400, not 401."""
    return Refusal(400, "InvalidAuthentication", "不合法的access_token")


def banned(*, html: bool) -> web.Response:
    """The answer to an address that called too much: five minutes of nothing else."""
    if html:
        page = b"<html><head><title>x5sec</title></head><body>punish?x5secdata=sim</body></html>"
        return web.Response(body=page, content_type="text/html")
    return web.json_response({"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "sim"})


@dataclass(slots=True)
class DingTalkToken:
    text: str
    client: str
    ends: float


class DingTalkTokens:
    """Access tokens: asking again while one is valid returns it, renewed."""

    def __init__(self, ttl: float, clock: Callable[[], float]) -> None:
        self.ttl = ttl
        self._clock = clock
        self._tokens: dict[str, DingTalkToken] = {}
        self._over: set[str] = set()

    def fetch(self, client: str) -> DingTalkToken:
        """Return an app's token, renewed or new."""
        now = self._clock()
        for token in self._tokens.values():
            if token.client == client and token.ends > now:
                token.ends = now + self.ttl
                return token
        token = DingTalkToken(secrets.token_hex(16), client, now + self.ttl)
        self._tokens[token.text] = token
        return token

    def check(self, text: str) -> DingTalkToken | None:
        """Return the token, or None when it is unknown or over."""
        token = self._tokens.get(text)
        return token if token is not None and token.ends > self._clock() else None

    def was(self, text: str) -> bool:
        """Say whether this was a token once."""
        return text in self._over or text in self._tokens

    def revoke_all(self) -> None:
        """Accept none of the tokens any more."""
        self._over |= self._tokens.keys()
        self._tokens.clear()


class CallLimit:
    """So many calls a second of one app to one API; 0 for any number."""

    def __init__(self, qps: int, clock: Callable[[], float]) -> None:
        self.qps = qps
        self._clock = clock
        self._calls: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def count(self, client: str, api: str) -> None:
        """Count a call; raises Refusal when it is one too many."""
        if not self.qps:
            return
        now, calls = self._clock(), self._calls[client, api]
        while calls and calls[0] <= now - 1.0:
            calls.popleft()
        if len(calls) >= self.qps:
            raise Refusal(403, QPS, "您的企业应用调用钉钉开放平台当前接口的所有请求都被暂时禁用了")
        calls.append(now)
