"""A router outside of a daemon: it knows the configuration; no corrections, no sessions, no providers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from mindbot import registry
from mindbot.config.model import Config
from mindbot.domain.message import Json, Message
from mindbot.domain.ports.platform import Receipt
from mindbot.domain.shapes.turns import Plain
from mindbot.workflows.router.assembling import classifier_of
from mindbot.workflows.router.classifier import Classifier
from mindbot.workflows.router.learned import LearnedStore
from mindbot.workflows.router.previous import Previous
from mindbot.workflows.router.router import WorkflowRouter


class NothingKept:
    """A `Keep` of a process that keeps nothing."""

    async def get(self, key: str) -> Json | None:
        """There is nothing."""
        return None

    async def lost(self, key: str) -> bool:
        """Nothing was there."""
        return False

    async def put(self, key: str, value: Plain | None, *, ttl: float = 0.0) -> None:
        """Forget it."""

    async def items(self, prefix: str, *, limit: int = 1000) -> dict[str, Json]:
        """There are none."""
        return {}

    async def receive(
        self,
        messages: Sequence[Message],
        values: Mapping[str, Plain],
        *,
        ttl: float | Mapping[str, float] = 0.0,
    ) -> list[Receipt]:
        """Take nothing in."""
        return []

    async def turn_of(self, key: str) -> str:
        """There is none."""
        return ""


def router_alone(config: Config, classifier: Classifier | None = None) -> WorkflowRouter:
    """Return the router of a configuration."""
    keep = NothingKept()
    previous = Previous(keep, 0.0, time.time)
    runners = registry.names("runners")
    classifier = classifier or classifier_of(config, None)
    return WorkflowRouter(config, runners, classifier, LearnedStore(keep), previous)
