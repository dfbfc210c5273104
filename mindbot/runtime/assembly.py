"""Makes the runners and stages that are installed.

MindBot's own must work, or the start fails. One of another package that does not takes no other down: it is
left out and told.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from mindbot import registry
from mindbot.domain.errors import ConfigError, MindBotError
from mindbot.pipeline import onion
from mindbot.pipeline.services import Services

#: By what it is ("stage greet"): why it is left out.
LeftOut = dict[str, str]


def runners(services: Services, left_out: LeftOut) -> None:
    """Put every runner into the services, by name; raises MindBotError for one of MindBot's own."""
    for name in registry.names("runners"):
        made = _tried("runners", name, left_out, partial(_runner, name, services))
        if made is not None:
            services.runners[name] = made


def stages(services: Services, left_out: LeftOut) -> list[tuple[str, onion.Stage]]:
    """Return every stage with its name, outermost first; raises MindBotError for one of MindBot's own."""
    made: dict[str, onion.Stage] = {}
    kinds: dict[str, Any] = {}
    for name in registry.names("stages"):
        kind = _tried("stages", name, left_out, partial(registry.load, "stages", name))
        stage = None if kind is None else _tried("stages", name, left_out, partial(kind, services))
        if stage is not None:
            kinds[name], made[name] = kind, stage
    return [(name, made[name]) for name in _ordered(kinds, left_out)]


def _runner(name: str, services: Services) -> Any:
    return registry.load("runners", name)(services)


def _tried(group: str, name: str, left_out: LeftOut, make: Callable[[], Any]) -> Any:
    if name not in registry.strangers(group):
        return make()
    try:
        return make()
    except registry.BrokenPart as error:
        left_out[f"{group.rstrip('s')} {name}"] = str(error)
    except MindBotError as error:
        left_out[f"{group.rstrip('s')} {name}"] = str(registry.broken(group, name, str(error)))
    except Exception as error:  # noqa: BLE001 - a stranger's part; it is told
        why = f"{type(error).__name__}: {error}"
        left_out[f"{group.rstrip('s')} {name}"] = str(registry.broken(group, name, why))
    return None


def _ordered(kinds: dict[str, Any], left_out: LeftOut) -> list[str]:
    """Return the names in order; strangers that have no place, one after the other, are left out."""
    strangers = [name for name in registry.strangers("stages") if name in kinds]
    try:
        return onion.ordered(kinds)
    except ConfigError:
        if not strangers:
            raise
    standing = {name: kind for name, kind in kinds.items() if name not in strangers}
    waiting, why = strangers, {}
    while True:
        refused = []
        for name in waiting:
            try:
                onion.ordered({**standing, name: kinds[name]})
            except ConfigError as error:
                refused.append(name)
                why[name] = str(error)
            else:
                standing[name] = kinds[name]
        if len(refused) == len(waiting):
            break
        waiting = refused
    for name in waiting:
        left_out[f"stage {name}"] = str(registry.broken("stages", name, why[name]))
    return onion.ordered(standing)
