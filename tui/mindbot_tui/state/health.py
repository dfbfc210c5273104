"""How the daemon says it is, and what of it is new."""

from __future__ import annotations

from collections.abc import Iterator

from mindbot.api import models
from mindbot.domain.health import About, Trouble, troubles
from mindbot.domain.shapes.daemon import ComponentJson, FailingJson
from mindbot_tui.state.notices import Notices

#: What is told of counts, as they begin to be wrong and when they are well again.
_COUNTS: dict[About, tuple[str, str]] = {
    "failing": ("turns fail: {share} % of the last minutes", "turns are answered again"),
    "waiting": ("answers wait: {n}", "no answer waits for long any more"),
    "slow": ("turns run for long: {n}", "no turn runs for long any more"),
    "undelivered": ("answers are undelivered: {n}", "no answer is undelivered any more"),
    "dead": ("dead letters: {n}", "no dead letters any more"),
}
#: Every text that is told of them, for whoever says it in another language.
NEWS = tuple(text for texts in _COUNTS.values() for text in texts)


class HealthState:
    """``known`` is false while the daemon has said nothing: an older one never does."""

    def __init__(self) -> None:
        self.known = False
        self.troubles: list[Trouble] = []
        self.not_ok: list[ComponentJson] = []
        self.failing: FailingJson = {"window_s": 0.0, "ended": 0, "failed": 0, "share": 0.0}

    @property
    def alarm(self) -> bool:
        """Whether something is wrong that an operator has to know."""
        return any(trouble.grave for trouble in self.troubles)

    def forget(self) -> None:
        """The daemon is away: nobody knows how it is now."""
        self.known = False

    def take(self, found: models.HealthSummary, notices: Notices) -> None:
        """Take over what the daemon says now; of what has changed the reader is told.

        Components tell of themselves; a daemon that we have just met tells no news.
        """
        before = {each.about for each in self.troubles} if self.known else None
        self.not_ok = [
            {"component": c.component, "state": c.state, "reason": c.reason, "since": c.since}
            for c in found.not_ok
        ]
        f = found.failing
        self.failing = {"window_s": f.window_s, "ended": f.ended, "failed": f.failed, "share": f.share}
        self.troubles = troubles(
            self.not_ok,
            self.failing,
            found.undelivered,
            found.dead_letters,
            waiting={"answers": found.waiting.answers, "oldest_s": found.waiting.oldest_s},
            slow={"turns": found.slow.turns, "oldest_s": found.slow.oldest_s},
        )
        self.known = True
        for kind, text, trouble in self._news(before) if before is not None else ():
            notices.tell(kind, text, **(trouble.values if trouble else {}))

    def _news(self, before: set[About]) -> Iterator[tuple[str, str, Trouble | None]]:
        """Yield what is to be told of counts that became wrong, or well, since ``before``."""
        now = {each.about: each for each in self.troubles}
        for about, (wrong, well) in _COUNTS.items():
            if about in now and about not in before:
                yield "bad" if now[about].grave else "warn", wrong, now[about]
            elif about in before and about not in now:
                yield "ok", well, None
