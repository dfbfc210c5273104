"""Who is asked after whom, as the configuration says."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.config.model import Config
from mindbot.workflows.general import Usable, default_workflow


def chain(config: Config, workflows: Iterable[str], usable: Usable) -> tuple[str, ...]:
    """Return the workflows that are asked, in order: each of these with its fallbacks, then the default."""
    wanted: list[str] = []
    for name in workflows:
        wanted.append(name)
        if settings := config.workflows.get(name):
            wanted += settings.fallback
    wanted.append(default_workflow(config, usable))
    return tuple(dict.fromkeys(name for name in wanted if name and usable(name)))
