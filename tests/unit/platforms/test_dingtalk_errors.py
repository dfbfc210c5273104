"""DingTalk's refusals, each as the error that decides what is done about it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from mindbot.domain.errors import (
    AuthFailed,
    NetworkFailed,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
    VendorError,
)
from mindbot.platforms.dingtalk.errors import error_of

DENIED = "Forbidden.AccessDenied."


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Overloaded("garbage") from error


def new(status: int, code: str, **more: Any) -> Answer:
    return Answer(status, json.dumps({"code": code, "message": "m", "requestid": "r", **more}).encode())


def old(code: int, **more: Any) -> Answer:
    return Answer(200, json.dumps({"errcode": code, "errmsg": "m", **more}).encode())


@pytest.mark.parametrize(
    ("answer", "kind", "hint"),
    [
        (new(403, f"{DENIED}QpsLimitForAppkeyAndApi"), RateLimited, ""),
        (new(403, f"{DENIED}QpsLimitForApi"), RateLimited, ""),
        (new(403, f"{DENIED}QpmLimitForAppkeyAndApi"), RateLimited, ""),
        (new(403, f"{DENIED}QpsLimitForSuitekeyAndOrgAndApi"), RateLimited, ""),
        (new(400, "send.too.fast"), RateLimited, ""),
        (new(400, "send.byToken.tooFast"), RateLimited, ""),
        (new(400, "too.many.people"), RateLimited, ""),
        (old(90018), RateLimited, ""),
        (old(90002), RateLimited, ""),
        (old(410100), RateLimited, ""),
        (new(429, ""), RateLimited, ""),
        (Answer(200, b'{"status":1111,"wait":5,"source":"x5","punish":"deny"}'), RateLimited, ""),
        (Answer(403, b"<html>punish?x5secdata=1</html>"), RateLimited, ""),
        (new(403, f"{DENIED}ApiCountLimitForOrg"), QuotaExceeded, "month"),
        (old(90020), QuotaExceeded, "month"),
        (
            new(
                403,
                f"{DENIED}AccessTokenPermissionDenied",
                accessdenieddetail={"requiredScopes": ["Card.Streaming.Write"]},
            ),
            Rejected,
            "Card.Streaming.Write",
        ),
        (old(88, sub_code="60011", sub_msg="qyapi_get_member"), Rejected, "qyapi_get_member"),
        (old(88), Overloaded, ""),
        (new(403, f"{DENIED}IpNotInWhiteList", message="ip 1.2.3.4 denied"), AuthFailed, "1.2.3.4"),
        (old(60020, errmsg="from ip: 5.6.7.8"), AuthFailed, "5.6.7.8"),
        (new(401, "authFailed"), AuthFailed, "client_secret"),
        (new(400, "invalidClientIdOrSecret"), AuthFailed, "client_secret"),
        (new(400, "InvalidAuthentication"), AuthFailed, "client_id"),
        (old(40014), AuthFailed, "client_id"),
        (old(42001), AuthFailed, "client_id"),
        (new(500, "system.error"), Overloaded, ""),
        (new(503, "system.busy"), Overloaded, ""),
        (old(-1), Overloaded, ""),
        (Answer(503, b"<html>unwell</html>"), Overloaded, ""),
        (Answer(502, b"<html>proxy</html>"), NetworkFailed, ""),
        (Answer(200, b"<html>who knows</html>"), NetworkFailed, ""),
        (new(400, "staffId.notExisted"), Rejected, "enterprise"),
        (new(400, "something.new"), Rejected, ""),
        (old(300001), Rejected, ""),
    ],
)
def test_each_refusal_is_told_by_its_code(answer: Answer, kind: type[VendorError], hint: str) -> None:
    error = error_of(answer, "call")
    assert type(error) is kind
    assert hint in error.hint
    assert str(error).startswith("call: ")


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 407])
@pytest.mark.parametrize("body", [b"", b"<html>a portal</html>", b"{}", b"[]", b'{"detail": "no"}'])
def test_a_refusal_without_a_code_is_not_dingtalks_last_word(status: int, body: bytes) -> None:
    error = error_of(Answer(status, body), "send")
    assert isinstance(error, NetworkFailed) and not error.sent and "`api_base_url`" in error.hint


@pytest.mark.parametrize("body", [{}, {"errcode": 0, "errmsg": "ok"}, {"processQueryKey": "k"}])
def test_a_success_is_none(body: dict[str, Any]) -> None:
    assert error_of(Answer(200, json.dumps(body).encode()), "call") is None


@pytest.mark.parametrize(
    ("code", "text", "said"),
    [
        ("staffId.notExisted", "staffId.notExisted", "send: staffId.notExisted"),
        ("invalidClientIdOrSecret", "invalidClientIdOrSecret", "send: invalidClientIdOrSecret"),
        ("resource.not.found", "resource.not.found: media", "send: resource.not.found: media"),
        ("resource.not.found", "no such media", "send: resource.not.found no such media"),
    ],
)
def test_a_text_that_repeats_its_code_is_said_once(code: str, text: str, said: str) -> None:
    error = error_of(new(400, code, message=text), "send")
    assert error is not None and error.message == said
