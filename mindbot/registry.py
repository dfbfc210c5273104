"""Entry-point groups: names without imports, parts when they are needed.

One mechanism for MindBot's own parts and for those of other packages. Where two packages register one name,
MindBot's own part keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, distributions
from typing import Any

from mindbot.domain.distribution import NAME
from mindbot.domain.errors import ConfigError, NotFound

_PREFIX = "mindbot."


class BrokenPart(ConfigError):
    """A part is registered and cannot be used; the message names its package."""


@dataclass(frozen=True, slots=True)
class _Part:
    point: EntryPoint
    package: str  # its name and version
    own: bool


@cache
def _groups() -> dict[str, dict[str, _Part]]:
    """Look through the installed packages, once for all groups.

    Of two of one name the first on the path counts.
    """
    found: dict[str, dict[str, _Part]] = {}
    seen: set[str] = set()
    for package in distributions():
        text = package.read_text("entry_points.txt") or ""
        if f"[{_PREFIX}" not in text or package.name in seen:  # a name costs more than this look
            continue
        seen.add(package.name)
        own, called = package.name == NAME, f"{package.name} {package.version}"
        for point in package.entry_points:
            if point.group.startswith(_PREFIX):
                group = found.setdefault(point.group.removeprefix(_PREFIX), {})
                if own or point.name not in group:
                    group[point.name] = _Part(point, called, own)
    return found


def names(group: str) -> list[str]:
    """Return the names registered in ``mindbot.<group>``, sorted; imports nothing."""
    return sorted(_groups().get(group, ()))


def strangers(group: str) -> list[str]:
    """Return the names that other packages than MindBot's own registered, sorted; imports nothing."""
    return [name for name in names(group) if not _groups()[group][name].own]


def load(group: str, name: str) -> Any:
    """Import and return what is registered as ``name`` in ``mindbot.<group>``.

    Raises:
        NotFound: nobody registered that name.
        BrokenPart: it cannot be imported.
    """
    part = _groups().get(group, {}).get(name)
    if part is None:
        known = ", ".join(names(group)) or "none"
        raise NotFound(f"no {group.rstrip('s')} named {name!r}", hint=f"known: {known}")
    try:
        return part.point.load()
    except Exception as error:
        raise broken(group, name, f"{type(error).__name__}: {error}") from error


def broken(group: str, name: str, why: str) -> BrokenPart:
    """Return the error for a part that cannot be used, with the package it came with."""
    what = f"the {group.rstrip('s')} {name!r} of the package {_groups()[group][name].package}"
    return BrokenPart(
        f"{what} cannot be used: {why}",
        hint="update or remove that package",
    )
