"""Access tokens. Source: "Obtain access_token" (document/path/91039) and the global error codes (90313)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

#: The platform's wording; clients must not read it.
MESSAGES = {
    -1: "system busy",
    0: "ok",
    40001: "invalid credential",
    40004: "invalid media type",
    40005: "invalid file type",
    40006: "invalid media size",
    40007: "invalid media_id",
    40008: "invalid message type",
    40009: "invalid image size",
    40011: "invalid video size",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40032: "invalid userid list size",
    40035: "invalid parameter",
    40056: "invalid agentid",
    40058: "invalid Request Parameter",
    40063: "some parameters are empty",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "corpsecret missing",
    41005: "media data missing",
    41009: "userid missing",
    41011: "agentid missing",
    42001: "access_token expired",
    42014: "the taskid of the task card is repeated",
    42019: "the key of the card is repeated",
    42022: "the response code is invalid or was used",
    43012: "the application needs a callback url",
    44001: "empty media data",
    44004: "empty content",
    45002: "content size out of limit",
    45008: "article count out of limit",
    45009: "api freq out of limit",
    45032: "picurl size out of limit",
    45033: "api concurrent out of limit",
    45034: "url size out of limit",
    48002: "api forbidden",
    48009: "contacts api forbidden for this ip",
    60003: "department not found",
    60011: "no privilege to access/modify contact/party/agent",
    60020: "not allow to access from your ip",
    60111: "userid not found",
    81013: "user & party & tag all invalid",
    82001: "no user, party or tag given",
    82002: "too many parties",
    82003: "too many tags",
    301002: "not allow operate another agent with this accesstoken",
}


class ApiError(Exception):
    """An answer other than errcode 0."""

    def __init__(self, code: int, note: str = "") -> None:
        super().__init__(f"{code} {MESSAGES.get(code, 'error')}")
        self.code = code
        self.note = note


@dataclass(slots=True)
class Token:
    """``expires`` is in the clock's seconds."""

    text: str
    credential: tuple[str, str]
    expires: float


class Tokens:
    """One token per (corpid, secret), the same while it is valid."""

    def __init__(self, ttl: float, clock: Callable[[], float]) -> None:
        self.ttl = ttl
        self._clock = clock
        self._by_credential: dict[tuple[str, str], Token] = {}
        self._by_text: dict[str, Token] = {}

    def fetch(self, corpid: str, secret: str) -> tuple[str, int]:
        """Return the token and its remaining seconds."""
        token = self._by_credential.get((corpid, secret))
        now = self._clock()
        if token is None or token.expires <= now:
            token = Token(secrets.token_urlsafe(64), (corpid, secret), now + self.ttl)
            self._by_credential[corpid, secret] = self._by_text[token.text] = token
        return token.text, max(1, round(token.expires - now))

    def check(self, text: str | None) -> Token:
        """Return the token a request carries.

        Raises:
            ApiError: 41001 none, 40014 unknown, 42001 expired.
        """
        if not text:
            raise ApiError(41001)
        token = self._by_text.get(text)
        if token is None:
            raise ApiError(40014)
        if token.expires <= self._clock():
            raise ApiError(42001)
        return token

    def expire(self, token: Token) -> None:
        """End one token early; its bearer gets 42001 from now on."""
        token.expires = self._clock()

    def expire_all(self) -> None:
        """End every token early."""
        for token in self._by_credential.values():
            self.expire(token)

    def forget(self, token: Token) -> None:
        """Forget one token, as after a reset of the secret; its bearer gets 40014 from now on."""
        self._by_text.pop(token.text, None)
        self._by_credential.pop(token.credential, None)
