"""What a listing's turns must have, as far as a store can know it from its indexes.

A need is necessary, never enough: whoever lists judges each turn by the whole filter as well. So a store may
take any part of it for `ANYTHING`, and still nothing is missed. `mindbot.filters.needs` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass

Value = str | float | bool


@dataclass(frozen=True, slots=True)
class Is:
    """The field is one of these values."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The field is a number, or an id, of at least ``least`` and at most ``most``; None: no such limit."""

    field: str
    least: Value | None = None
    most: Value | None = None


@dataclass(frozen=True, slots=True)
class Says:
    """The message, what it quotes or the answer contains these words, both with their case folded."""

    words: str


@dataclass(frozen=True, slots=True)
class Every:
    """All of them; without terms, anything."""

    terms: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class OneOf:
    """At least one of them."""

    terms: tuple[Need, ...]


Need = Is | Between | Says | Every | OneOf

ANYTHING = Every()
