"""The workflow for everything: it answers what belongs to none, and when others fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from mindbot import registry
from mindbot.config.keys import fold
from mindbot.config.model import Config

#: Says of a workflow's name whether it can be asked.
Usable = Callable[[str], bool]
#: Names of such workflows, where `router.default` names none; General Chat and general-chat are spellings.
_GENERAL = ("general_chat", "general")


def default_workflow(config: Config, usable: Usable) -> str:
    """Return it; empty where there is none.

    Where `router.default` names one that cannot be asked, the general one stands in; where it names a runner,
    none does.
    """
    named = config.router.default
    if named in config.workflows and usable(named):
        return named
    if named in registry.names("runners"):
        return ""
    by_name = {_spelled(name): name for name in config.workflows if usable(name)}
    return next((by_name[name] for name in map(fold, _GENERAL) if name in by_name), "")


@lru_cache(maxsize=1024)
def _spelled(name: str) -> str:
    return fold(name.replace(" ", ""))
