"""Who chooses a workflow for a message."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from mindbot.domain.routing import Decision, RouteQuestion


class Router(Protocol):
    """The workflow router of one configuration generation."""

    def ruled(self, asked: RouteQuestion) -> Decision | None:
        """Return what the rules alone decide; None where what the message says decides. Pure and quick."""

    async def decide(self, asked: RouteQuestion, among: Collection[str] = ()) -> Decision:
        """Return where a message goes, by rules, and else by what it says.

        ``among``: only these workflows may be chosen; none: all that are enabled and well.
        Never raises for what the embedder or the judge do: the decision's ``mode`` and ``why`` say so.
        """
