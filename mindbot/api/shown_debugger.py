"""How the debugger is told in words: where a turn stands, what holds it, what of it may be edited."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mindbot.api.debug_models import BreakpointView, ParkedView, ScopesView

#: Values of a scope that are nothing yet.
_EMPTY: tuple[Any, ...] = ("", None, [], {}, ())
_DEEP = 3  # scopes are shown so many levels deep; below, values are JSON on one line


def step_of(kind: str, name: str) -> str:
    """Return a step in words: a stage is called by its name alone."""
    return name if kind in ("", "stage") else f"{kind} {name}".strip()


def where(parked: ParkedView) -> str:
    """Return where a turn stands, e.g. ``before run``."""
    return f"{_AT.get(parked.on, parked.on)} {step_of(parked.kind, parked.name)}".strip()


_AT = {"error": "at the error of", "change": "at a change in"}


def because(parked: ParkedView) -> str:
    """Return what made it stop there."""
    return f"breakpoint {parked.breakpoint}" if parked.breakpoint else parked.reason


def left(parked: ParkedView) -> str:
    """Return what is left of its lease, in whole seconds."""
    return seconds(max(0.0, parked.lease_left))


def seconds(value: float) -> str:
    """Return whole seconds; those that are left are not said to be more than they are."""
    return f"{int(value)}s"


def stops(point: BreakpointView) -> str:
    """Return where a breakpoint stops turns, e.g. ``before run``; what it counts and asks is not in it."""
    inner = f"{point.step} {point.name}".strip()
    step = f"{inner} in {point.stage}" if inner and point.stage else inner or point.stage
    if point.on == "change":
        return f"where {point.path} changes" + (f" in {step}" if step else "")
    errors = f" ({', '.join(point.errors)})" if point.errors else ""
    return f"{_AT.get(point.on, point.on)} {step or 'every step'}{errors}"


def extras(point: BreakpointView) -> str:
    """Return what else is to be said of a breakpoint: counts, its lease, whose it is."""
    said = [
        f"from match {point.hits} on" if point.hits > 1 else "",
        f"lease {seconds(point.lease)}" if point.lease else "",
        "sticky" if point.sticky else "",
        f"logs {point.log}" if point.log else "",
    ]
    return ", ".join(filter(None, said))


def stack(parked: ParkedView) -> Iterator[str]:
    """Yield the onion as a call stack, outermost first: each step inside the one above."""
    last = len(parked.stack) - 1
    for depth, frame in enumerate(parked.stack):
        mark = f"  ◄ {_AT.get(parked.on, parked.on)}" if depth == last else ""
        yield f"{'  ' * depth}{step_of(frame.kind, frame.name)}{mark}"


def writable(path: str, scopes: ScopesView) -> bool:
    """Tell whether a value may be set: it, or what it is in, is named as such."""
    return any(path == each or path.startswith(f"{each}.") for each in scopes.writable)


def lines_of(scopes: ScopesView) -> Iterator[tuple[str, str]]:
    """Yield the scopes' values by their paths, those that are nothing left out; a scope without any as
    one empty line."""
    for name, scope in scopes.scopes.items():
        found = list(_flat(name, scope, _DEEP))
        yield from found or [(name, "")]


def _flat(path: str, value: Any, deep: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and deep and value:
        for name, each in value.items():
            yield from _flat(f"{path}.{name}", each, deep - 1)
    elif isinstance(value, Sequence) and not isinstance(value, str) and deep and value:
        for n, each in enumerate(value):
            yield from _flat(f"{path}.{n}", each, 0)
    elif value not in _EMPTY:
        yield path, worded(value)


def worded(value: Any) -> str:
    """Return a value as it is shown: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def value_at(scopes: ScopesView, path: str) -> Any:
    """Return the value at a path such as ``message.text`` or ``prompt.0``; raises KeyError where none is.

    Names of variables may have dots in them.
    """
    return _at(scopes.scopes, path)


def _at(value: Any, path: str) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        first, dot, rest = path.partition(".")
        if not first.isdecimal() or int(first) >= len(value):
            raise KeyError(path)
        return _at(value[int(first)], rest) if dot else value[int(first)]
    if not isinstance(value, Mapping):
        raise KeyError(path)
    if path in value:
        return value[path]
    for name in sorted(value, key=len, reverse=True):
        if path.startswith(f"{name}."):
            return _at(value[name], path[len(name) + 1 :])
    raise KeyError(path)
