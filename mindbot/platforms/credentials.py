"""When a bot needs a person to mend its credentials, and what it says then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mindbot.domain.errors import AuthFailed, MindBotError
from mindbot.domain.ports.platform import Report

NEEDS_CREDENTIALS = "needs credentials"  # how the reason of a bot begins that waits for a person
_ENOUGH = 2  # refusals in a row: one alone may be a hiccup of the platform


def needs_credentials(error: MindBotError) -> str:
    """Return the reason a bot gives: the platform's code, and what to mend."""
    return f"{NEEDS_CREDENTIALS}: {error}"


class Credentials:
    """Whether the platform accepts a bot's credentials, told from what it answers to sends.

    The second refusal in a row puts the bot into ``failed: needs credentials``; the first call that goes
    through takes it out again.
    """

    def __init__(self, report: Report, well: Callable[[], None]) -> None:
        """``well`` reports how the bot is once its credentials are accepted again."""
        self._report = report
        self._well = well
        self._refused = 0

    @property
    def needed(self) -> bool:
        """Whether the bot waits for somebody to mend them."""
        return self._refused >= _ENOUGH

    def renew(self) -> None:
        """Forget earlier refusals: the bot starts again."""
        self._refused = 0

    def refused(self, error: AuthFailed) -> None:
        """Count a refusal."""
        self._refused += 1
        if self.needed:
            self._report("failed", needs_credentials(error))

    def accepted(self) -> None:
        """Note that a call went through."""
        needed, self._refused = self.needed, 0
        if needed:
            self._well()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count what a call made in the block says of the credentials; errors pass."""
        try:
            yield
        except AuthFailed as error:
            self.refused(error)
            raise
        self.accepted()
