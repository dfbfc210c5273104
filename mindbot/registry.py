"""Entry-point groups: names without imports, classes when they are needed."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mindbot.domain.errors import NotFound


@cache
def _group(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"mindbot.{group}")}


def names(group: str) -> list[str]:
    """Return the names registered in ``mindbot.<group>``, sorted; imports nothing."""
    return sorted(_group(group))


def load(group: str, name: str) -> Any:
    """Import and return what is registered as ``name`` in ``mindbot.<group>``.

    Raises:
        NotFound: nobody registered that name.
    """
    point = _group(group).get(name)
    if point is None:
        known = ", ".join(names(group)) or "none"
        raise NotFound(f"no {group.rstrip('s')} named {name!r}", hint=f"known: {known}")
    return point.load()
