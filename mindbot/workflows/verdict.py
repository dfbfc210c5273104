"""What a failure of an app means."""

from __future__ import annotations

from mindbot.domain.errors import (
    AuthFailed,
    BudgetSpent,
    ConfigError,
    ContentFiltered,
    MindBotError,
    NetworkFailed,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    SecretError,
    StoreError,
    TimedOut,
    Truncated,
    UnfitAnswer,
    WorkflowPaused,
)
from mindbot.providers.shared.limits import OWN_LIMITS

#: Nobody else is asked: the vendor's policy would be got round, nothing is left to spend, the turn runs again
#: when the store is well, the run goes on when a person has filled in a form.
FINAL = (ContentFiltered, BudgetSpent, StoreError, WorkflowPaused)
#: It does not pass by itself.
FOR_A_PERSON = (AuthFailed, QuotaExceeded, SecretError, ConfigError)
_SILENT = 0.9  # of its timeout: an app that takes that long gives no answer


def of_our_limits(failure: MindBotError) -> bool:
    """Tell whether it was not asked because of a limit of our own."""
    return isinstance(failure, Overloaded | RateLimited) and failure.code in OWN_LIMITS


def of_the_app(failure: MindBotError, took: float, timeout: float) -> bool:
    """Tell whether a failure says that the app's servers are not well: never a refusal (4xx), and no time of
    ours that was up before the app had its own."""
    if isinstance(failure, TimedOut):
        return took >= _SILENT * timeout
    return isinstance(failure, Overloaded | NetworkFailed | Truncated) and not of_our_limits(failure)


def fails_as_well(failure: MindBotError) -> bool:
    """Tell whether the workflow's other apps would fail in the same way: it is about what was asked."""
    if isinstance(failure, UnfitAnswer):
        return True
    passing = (Overloaded, NetworkFailed, Truncated, TimedOut, RateLimited)
    return not isinstance(failure, (*passing, *FOR_A_PERSON))
