"""Where messages go: the router's state, explanations, corrections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from mindbot.domain.errors import Conflict, NotFound
from mindbot.domain.shapes.workflows import DecisionJson, LearnedJson, MovedJson, RouterJson
from mindbot.runtime.generation import Generation


class RouteResource:
    """Answers ``/v1/routes``. ``current`` returns the generation in force.

    Nothing routes by what is said yet: what the configuration says is told, and no more.
    """

    def __init__(self, current: Callable[[], Generation]) -> None:
        self._current = current

    async def state(self) -> RouterJson:
        """Return what the configuration says of the router."""
        config = self._current().loaded.config
        return {
            "state": "degraded",
            "reason": "nothing that is installed chooses workflows",
            "mode": "patterns",
            "embedder": config.router.embedder,
            "judge": config.router.judge,
            "threshold": config.router.threshold,
            "default": config.router.default,
            "workflows": list(config.workflows),
            "rules": [],
            "examples": 0,
            "learned": 0,
            "pending": 0,
            "decisions": 0,
            "none": 0,
        }

    async def classify(self, text: str) -> DecisionJson:
        """Raise Conflict."""
        raise _unable()

    async def explain(
        self,
        text: str,
        *,
        platform: str,
        bot: str,
        user: str,
        group: str,
        departments: Sequence[str],
        session: str,
    ) -> DecisionJson:
        """Raise Conflict."""
        raise _unable()

    async def learned(self, state: str, limit: int) -> list[LearnedJson]:
        """Return nothing: nothing was learned."""
        return []

    async def learn(self, text: str, *, turn: str, workflow: str | None, note: str) -> LearnedJson:
        """Raise Conflict."""
        raise _unable()

    async def review(self, id: str, verdict: Literal["accept", "reject", "revert"]) -> LearnedJson:
        """Raise NotFound."""
        raise NotFound(f"no correction {id!r}")

    async def diff(self, config: str, last: int) -> list[MovedJson]:
        """Raise Conflict."""
        raise _unable()


def _unable() -> Conflict:
    return Conflict("nothing that is installed chooses workflows", hint="see: mindbot status")
