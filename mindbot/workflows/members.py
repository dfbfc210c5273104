"""The apps of a workflow: its own and its replicas, and which of them is asked first."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from mindbot.config.workflows import COZE_KINDS, WorkflowSettings


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One app. ``replica`` is empty for the workflow's own; ``settings`` are those it is asked with."""

    workflow: str
    replica: str
    settings: WorkflowSettings
    weight: int = 1
    enabled: bool = True

    def __str__(self) -> str:
        return f"{self.workflow}/{self.replica}" if self.replica else self.workflow

    @property
    def endpoint(self) -> str:
        """The address of the app's API."""
        if self.settings.type in COZE_KINDS:
            return self.settings.base_url
        return self.settings.dify_endpoint


def members_of(name: str, settings: WorkflowSettings) -> tuple[Member, ...]:
    """Return the apps of a workflow, its own first."""
    found = [Member(name, "", settings)]
    for place, replica in enumerate(settings.replicas, 1):
        where, key = (
            ("base_url", "api_key") if settings.type in COZE_KINDS else ("dify_endpoint", "dify_api_key")
        )
        laid_over = {where: replica.dify_endpoint or getattr(settings, where), key: replica.dify_api_key}
        label = replica.name or f"replica{place}"
        own = settings.model_copy(update=laid_over)
        found.append(Member(name, label, own, replica.weight, replica.enabled))
    return tuple(found)


class Choice:
    """Puts the apps of a workflow in the order in which they are asked.

    ``quickness`` returns the seconds that a late run of an app took; None where nobody knows: such a one is
    asked first, so that it becomes known.
    """

    def __init__(self, quickness: Callable[[Member], float | None]) -> None:
        self._quickness = quickness
        self._turns: dict[str, count[int]] = {}

    def order(self, members: Sequence[Member], stays: str | None = None) -> list[Member]:
        """Return the enabled ones, whom to ask first at the head; ``stays`` is the replica that has the
        conversation: a vendor knows only what was said to itself."""
        able = [member for member in members if member.enabled]
        if len(able) > 1:
            able = self._chosen(able)
            if stays is not None:
                able.sort(key=lambda member: member.replica != stays)
        return able

    def _chosen(self, able: list[Member]) -> list[Member]:
        settings = able[0].settings
        if settings.choice == "round_robin":
            turn = next(self._turns.setdefault(able[0].workflow, count())) % len(able)
            return able[turn:] + able[:turn]
        if settings.choice == "weighted":
            return sorted(able, key=lambda m: random.random() ** (1 / m.weight) if m.weight else -1.0)[::-1]
        if settings.choice == "quickest":
            return sorted(able, key=lambda member: self._quickness(member) or 0.0)
        return able
