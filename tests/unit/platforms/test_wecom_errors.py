"""Every documented code says what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from mindbot.domain.errors import AuthFailed, NetworkFailed, Overloaded, RateLimited, Rejected, VendorError
from mindbot.platforms.proxy_answers import without_code
from mindbot.platforms.wecom_shared.errors import code_of, error_for


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        raise AssertionError("nobody asked for it")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *[(code, Overloaded) for code in (-1, 6000)],
        *[(code, RateLimited) for code in (45009, 45033)],
        *[
            (code, AuthFailed)
            for code in (40001, 40013, 40014, 40056, 41001, 42001, 48002, 48005, 48009, 50003, 60020, 301002)
        ],
        *[(code, Rejected) for code in (40003, 60111, 46004, 301021, 40007, 40058, 40201, 44004, 45002)],
        *[(code, Rejected) for code in (43004, 43012, 50002, 60011, 60021, 81013, 82001, 82004, 85002)],
        *[(code, Rejected) for code in (86001, 93000, 95001, 999999)],
    ],
)
def test_kinds(code: int, kind: type[VendorError]) -> None:
    error = error_for(code, "some words", "message/send")
    assert type(error) is kind
    assert error.code == str(code)
    assert f"errcode {code}" in str(error)
    assert "message/send" in str(error)


def test_how_long_to_wait() -> None:
    waits = {code: error_for(code, "", "c") for code in (45009, 45033)}
    assert {code: e.retry_after for code, e in waits.items() if isinstance(e, RateLimited)} == {
        45009: 60,
        45033: 2,
    }


def test_an_untrusted_ip_is_named_with_the_place_to_allow_it() -> None:
    errmsg = (
        "not allow to access from your ip, hint: [1700000000_1], from ip: 203.0.113.7, more info at https://x"
    )
    hint = error_for(60020, errmsg, "message/send").hint
    assert "203.0.113.7 " in hint
    assert "企业可信IP" in hint
    assert "public address" in error_for(60020, "changed words", "message/send").hint
    assert "2001:db8::7 " in error_for(60020, "from ip: 2001:db8::7, more", "message/send").hint


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, Overloaded), (502, NetworkFailed), (504, NetworkFailed), (429, RateLimited), (413, Rejected)],
)
def test_http_statuses(status: int, kind: type[VendorError]) -> None:
    assert type(without_code(Answer(status), "gettoken")) is kind


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 405, 407, 418])
def test_a_refusal_without_the_vendors_code_is_not_its_last_word(status: int) -> None:
    error = without_code(Answer(status), "gettoken")
    assert isinstance(error, NetworkFailed) and error.retryable and not error.sent
    assert str(status) in error.message and "`api_base_url`" in error.hint


def test_a_throttling_gateway_says_how_long() -> None:
    error = without_code(Answer(429, {"retry-after": "7"}), "message/send")
    assert isinstance(error, RateLimited) and error.retry_after == 7.0


@pytest.mark.parametrize("answer", [{}, [], None, "x", {"errcode": None}, {"errcode": "x"}, {"errcode": []}])
def test_an_answer_without_a_code(answer: object) -> None:
    with pytest.raises(ValueError, match=r"errcode|invalid literal"):
        code_of(answer)  # type: ignore[arg-type]
