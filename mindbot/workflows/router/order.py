"""Who is asked after whom: defaults and chains, as the configuration says."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.config.keys import fold
from mindbot.config.model import Config
from mindbot.workflows.router.rules import Usable

#: Names of workflows that are for everything, where `router.default` names none.
GENERAL = ("generalchat", "general")


def default_workflow(config: Config, usable: Usable) -> str:
    """Return the workflow for what belongs to none; empty where there is none."""
    if config.router.default:
        named = config.router.default
        return named if named in config.workflows and usable(named) else ""
    by_name = {fold(name): name for name in config.workflows if usable(name)}
    return next((by_name[name] for name in GENERAL if name in by_name), "")


def chain(config: Config, workflows: Iterable[str], usable: Usable) -> tuple[str, ...]:
    """Return the workflows that are asked, in order: each of these with its fallbacks, then the default."""
    wanted: list[str] = []
    for name in workflows:
        wanted.append(name)
        if settings := config.workflows.get(name):
            wanted += settings.fallback
    wanted.append(default_workflow(config, usable))
    return tuple(dict.fromkeys(name for name in wanted if name and usable(name)))
