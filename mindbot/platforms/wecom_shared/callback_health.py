"""What came to a callback URL: whether its settings are proved, and what was refused and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mindbot.api.shown import ago
from mindbot.domain.abilities import Check
from mindbot.domain.message import Json
from mindbot.platforms.wecom_shared.refusals import RefusedCallback


@dataclass(slots=True)
class _Tally:
    """Refusals of one sort; ``at`` is Unix seconds of the last."""

    count: int = 0
    at: float = 0.0
    why: str = ""
    hint: str = ""

    def add(self, error: RefusedCallback, at: float) -> None:
        self.count += 1
        self.at, self.why, self.hint = at, error.message, error.hint


class CallbackHealth:
    """The requests to one URL since its secrets were read.

    One that was rightly signed and encrypted proves `token`, key and receive id: WeCom takes new ones only
    after a verification with them, so what is refused later is a stranger's. Refusals that name a setting
    (they bring a hint) are told apart from what anybody may send to a public URL.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` tells Unix seconds."""
        self._clock = clock
        self.renew()

    def renew(self) -> None:
        """Forget everything: the secrets are read anew."""
        self._proved = False
        self._blaming = _Tally()
        self._strange = _Tally()

    def proved(self) -> None:
        """Note a request that the settings fit."""
        self._proved = True

    def refused(self, error: RefusedCallback) -> None:
        """Count a refusal."""
        (self._blaming if error.hint else self._strange).add(error, self._clock())

    def details(self) -> Json:
        """Return how much was refused, and the last reason and time; empty where nothing was."""
        count = self._blaming.count + self._strange.count
        if not count:
            return {}
        last = max(self._blaming, self._strange, key=lambda tally: tally.at)
        return {"refused_callbacks": count, "last_refused": last.at, "last_refusal": last.why}

    def check(self, came: str, none: str, mend: str) -> Check:
        """Tell whether WeCom calls back.

        ``came`` says what came, ``none`` that nothing did, and ``mend`` how to have it call.
        """
        worst = self._blaming if self._blaming.count else self._strange
        remark = ""
        if worst.count:
            remark = f"{worst.count} refused, the last {ago(self._clock() - worst.at)} ago: {worst.why}"
        if self._blaming.count and not self._proved:
            return Check("callbacks", "failed", remark, self._blaming.hint)
        if came:
            return Check("callbacks", "ok", "; ".join(filter(None, [came, remark])), worst.hint)
        return Check("callbacks", "skipped", "; ".join(filter(None, [none, remark])), worst.hint or mend)
