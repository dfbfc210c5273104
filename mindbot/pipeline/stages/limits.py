"""Refuses what comes too often or is too late to be worth an answer."""

from __future__ import annotations

from typing import TypedDict

from mindbot.domain.turn import RETRIED, Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services

_KEPT = 50_000  # buckets; the oldest full ones are forgotten first


class _Taken(TypedDict):
    ok: bool


class Limits:
    """A token bucket per user; an apology for turns older than ``stale_after`` unless asked for again.

    Notices are for people who wrote. An event costs no token, and one that is too old is dropped quietly; a
    push is the operator's word and goes out however long it waited. A dry run costs its user none.
    """

    after = "access"

    def __init__(self, services: Services) -> None:
        limits = services.config.limits
        self._stale_after = services.config.dispatcher.stale_after
        self._stale_notice = services.config.dispatcher.stale_notice
        self._rate = limits.per_user
        self._notice = limits.notice
        self._once = services.once
        self._clock = services.clock
        self._timer = services.timer
        self._buckets: dict[str, tuple[float, float]] = {}  # sender -> (tokens, when)

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        message = turn.message
        age = self._clock() - message.received
        late = bool(self._stale_after) and age > self._stale_after and RETRIED not in turn.memo
        if late and message.kind != "push":
            turn.state, turn.reason = "dropped", f"stale: waited {age:.0f}s"
            if message.written:
                turn.reply.say(self._stale_notice)
            return
        if self._rate is not None and message.written and not message.tried_for:

            async def take() -> _Taken:
                return {"ok": self._take(f"{message.platform}:{message.bot}:{message.sender}")}

            if not (await self._once(turn, "limits", take))["ok"]:
                turn.state, turn.reason = "dropped", f"limits: over {self._rate} a user"
                turn.reply.say(self._notice)
                return
        await call_next(turn)

    def _take(self, who: str) -> bool:
        assert self._rate is not None
        now = self._timer()
        burst = float(self._rate.count)
        tokens, then = self._buckets.pop(who, (burst, now))
        tokens = min(burst, tokens + (now - then) * burst / self._rate.seconds)
        ok = tokens >= 1
        self._buckets[who] = (tokens - 1 if ok else tokens, now)
        if len(self._buckets) > _KEPT:
            del self._buckets[next(iter(self._buckets))]
        return ok
