"""When an account without money is asked again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mindbot.domain.errors import QuotaExceeded
from mindbot.providers.management.resets import UNKNOWN, asked_again

NOW = datetime(2026, 11, 30, 10, 0, tzinfo=UTC).timestamp()
FIRST = datetime(2026, 12, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("words", "code", "until"),
    [
        ("your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.", "", FIRST),
        ("spent", "enforced_spend_limit_reached", FIRST),
        ("spent", "project_spend_limit_exceeded", FIRST),
        ("已达到 5 小时的使用上限。您的限额将在 2026-11-30 20:30:00 重置。", "1308", NOW + 2.5 * 3600),
        ("Your limit will reset at 2026-11-30T12:00:00+02:00 or 2026-11-30T13:00:00Z", "", NOW + 3 * 3600),
        ("Your limit will reset at 2026-12-02", "", FIRST + 86400),
        ("since 2024-01-01 nothing was paid", "insufficient_quota", NOW + UNKNOWN),
        ("until 2099-01-01", "insufficient_quota", NOW + UNKNOWN),
        ("on 2026-13-45 perhaps", "", NOW + UNKNOWN),
        ("", "", NOW + UNKNOWN),
    ],
)
def test_the_date_in_the_words_the_first_of_the_month_or_an_hour(words: str, code: str, until: float) -> None:
    assert asked_again(QuotaExceeded(words, code=code), NOW) == until


def test_the_month_after_december_is_january() -> None:
    december = datetime(2026, 12, 31, 23, tzinfo=UTC).timestamp()
    spent = QuotaExceeded("spent", code="enforced_spend_limit_reached")
    assert asked_again(spent, december) == datetime(2027, 1, 1, tzinfo=UTC).timestamp()
