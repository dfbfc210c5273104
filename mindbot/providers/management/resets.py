"""When an account that ran out of money or quota is worth asking again.

Sources: Anthropic, "Errors" ("You will regain access on 2026-12-01 at 00:00 UTC"; tiers' monthly caps end on
the first of the month, 00:00 UTC); OpenAI help center 5955604 (usage and spend limits are monthly); Z.ai,
"Errors" (1308 to 1310 name the moment; it is Beijing's).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from mindbot.domain.errors import QuotaExceeded
from mindbot.providers.refusing.refusals import key

#: Asked again after this many seconds where nobody says when.
UNKNOWN = 3600.0
#: What a text may name; anything later is taken for a misreading.
_LATEST = timedelta(days=62)
_BEIJING = timezone(timedelta(hours=8))
_DATE = re.compile(
    r"(?P<date>20\d\d-[01]\d-[0-3]\d)"
    r"(?:(?:T|,?\s+(?:at\s+)?)(?P<time>[0-2]\d:[0-5]\d(?::[0-5]\d)?)(?:\.\d+)?\s*(?P<zone>UTC|GMT|Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_MONTHLY = frozenset(
    key(code)
    for code in (
        "enforced_spend_limit_reached",
        "organization_usage_limit_exceeded",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "billing_hard_limit_reached",
    )
)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_BEIJINGS = frozenset({"1308", "1309", "1310"})


def asked_again(failure: QuotaExceeded, now: float) -> float:
    """Return the moment (Unix seconds) from which on an account may be asked again, by what it refused with.

    That is the date in its words, the first of the next month for a monthly limit, else in an hour.
    """
    return (
        _named(failure, now) or (_next_month(now) if key(failure.code) in _MONTHLY else 0.0) or now + UNKNOWN
    )


def _named(failure: QuotaExceeded, now: float) -> float:
    """Return the first moment in the words that is still to come; 0 for none."""
    latest = datetime.fromtimestamp(now, UTC) + _LATEST
    for found in _DATE.finditer(failure.message):
        moment = _moment(found, failure)
        if moment is not None and now < moment.timestamp() <= latest.timestamp():
            return moment.timestamp()
    return 0.0


def _moment(found: re.Match[str], failure: QuotaExceeded) -> datetime | None:
    zone = (found["zone"] or "").replace("UTC", "+00:00").replace("GMT", "+00:00").replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(f"{found['date']}T{found['time'] or '00:00'}{zone}")
    except ValueError:
        return None
    if moment.tzinfo is not None:
        return moment
    chinese = failure.code in _BEIJINGS or _CHINESE.search(failure.message)
    return moment.replace(tzinfo=_BEIJING if chinese else UTC)


def _next_month(now: float) -> float:
    today = datetime.fromtimestamp(now, UTC)
    return datetime(today.year + today.month // 12, today.month % 12 + 1, 1, tzinfo=UTC).timestamp()
