"""Finds the rules that a message may match without asking all of them.

Rules are told apart by what they compare for equality, the most telling condition first; those without one
and with a regular expression are asked in bundles, of which one expression says that none of them matches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mindbot.config.workflows import RouteSettings
from mindbot.filters.fields import ROUTE_FIELDS
from mindbot.filters.language import parse
from mindbot.filters.nodes import And, Compare, In, Node
from mindbot.workflows.router.conditions import ANY, NONE, compiled
from mindbot.workflows.router.facts import KEYS, Facts

_FEW = 8  # rules that are asked one by one
_BUNDLE = 32  # expressions in one
_FILTERED = {"user": "user", "department": "department", "bot": "bot", "platform": "platform"}


@dataclass(frozen=True, slots=True)
class IndexedRule:
    """A rule by its place, with the values it compares for equality, and its regular expression."""

    place: int
    keys: Mapping[str, frozenset[str]]
    text: str

    @classmethod
    def of(cls, place: int, rule: RouteSettings) -> IndexedRule:
        """Return what is known of a rule before a message is."""
        keys = _filtered(parse(rule.when, ROUTE_FIELDS).node) if rule.when else {}
        for key in KEYS:
            if values := frozenset(getattr(rule, key)):
                keys[key] = values
        return cls(place, {k: v for k, v in keys.items() if not v & {ANY, NONE}}, rule.text)


def _filtered(node: Node) -> dict[str, frozenset[str]]:
    """Return what a filter compares for equality and cannot be true without."""
    match node:
        case Compare(name, "==", literal) if name in _FILTERED:
            return {_FILTERED[name]: frozenset((str(literal.value),))}
        case In(name, literals, False) if name in _FILTERED:
            return {_FILTERED[name]: frozenset(str(literal.value) for literal in literals)}
        case And(terms):
            found: dict[str, frozenset[str]] = {}
            for term in terms:
                found |= _filtered(term)
            return found
    return {}


@dataclass(slots=True)
class _Bundle:
    """Rules of which none matches where ``any_of`` does not."""

    any_of: Any
    places: list[int]


@dataclass(slots=True)
class Index:
    """A part of the rules: by the values of ``key``, those without it, and what is asked in any case."""

    key: str = ""
    by_value: dict[str, Index] = field(default_factory=dict)
    rest: Index | None = None
    places: list[int] = field(default_factory=list)
    bundles: list[_Bundle] = field(default_factory=list)

    def find(self, facts: Facts) -> set[int]:
        """Return the places of the rules that a message may match."""
        found: set[int] = set()
        self._collect(facts, found)
        return found

    def _collect(self, facts: Facts, found: set[int]) -> None:
        found.update(self.places)
        for bundle in self.bundles:
            if bundle.any_of.search(facts.encoded) is not None:
                found.update(bundle.places)
        if self.key:
            for value in facts.values[self.key]:
                below = self.by_value.get(value)
                if below is not None:
                    below._collect(facts, found)
        if self.rest is not None:
            self.rest._collect(facts, found)


def indexed(entries: Sequence[IndexedRule], keys: Sequence[str] = KEYS) -> Index:
    """Return the index of some rules."""
    if len(entries) <= _FEW:
        return Index(places=[entry.place for entry in entries])
    key, cost = min(((key, _cost(entries, key)) for key in keys), key=lambda each: each[1], default=("", 0))
    if not key or cost >= len(entries):
        return _leaf(entries)
    left = [other for other in keys if other != key]
    below: dict[str, list[IndexedRule]] = {}
    for entry in entries:
        for value in entry.keys.get(key, ()):
            below.setdefault(value, []).append(entry)
    others = [entry for entry in entries if key not in entry.keys]
    return Index(
        key,
        {value: indexed(some, left) for value, some in below.items()},
        indexed(others, left) if others else None,
    )


def _cost(entries: Sequence[IndexedRule], key: str) -> int:
    """Return how many rules are left, at worst, once the value of a key is known."""
    count = Counter(value for entry in entries for value in entry.keys.get(key, ()))
    without = sum(key not in entry.keys for entry in entries)
    return without + max(count.values(), default=0)


def _leaf(entries: Sequence[IndexedRule]) -> Index:
    found = Index(places=[entry.place for entry in entries if not entry.text])
    texts = [entry for entry in entries if entry.text]
    for some in (texts[n : n + _BUNDLE] for n in range(0, len(texts), _BUNDLE)):
        places = [each.place for each in some]
        if (any_of := _any_of([each.text for each in some])) is None:
            found.places += places
        else:
            found.bundles.append(_Bundle(any_of, places))
    return found


def _any_of(patterns: Sequence[str]) -> Any:
    """Return one expression for several; None where they cannot stand in one."""
    import re2

    if any("\\Q" in pattern for pattern in patterns):  # quotes to the end, over what joins them
        return None
    try:
        return compiled("|".join(f"(?:{pattern})" for pattern in patterns))
    except re2.error:  # each by itself is one: together they are too large
        return None
