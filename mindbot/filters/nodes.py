"""A parsed filter: a tree of frozen nodes. ``str`` writes it in the language again."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Literal as OneOf

from mindbot.filters.literals import Literal
from mindbot.filters.tokens import bare, quote

CompareOp = OneOf["==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Search:
    """The field contains these words, in any case. ``quoted``: without quotes they would mean a field."""

    field: str
    words: str
    quoted: bool = dataclass_field(default=False, compare=False)

    def __str__(self) -> str:
        return self.words if bare(self.words) and not self.quoted else quote(self.words)


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against one value."""

    field: str
    op: CompareOp
    literal: Literal

    def __str__(self) -> str:
        return f"{self.field} {self.op} {self.literal.text}"


@dataclass(frozen=True, slots=True)
class Match:
    """A field against a pattern, found anywhere in it."""

    field: str
    pattern: str
    negated: bool = False

    def __str__(self) -> str:
        return f"{self.field} {'!~' if self.negated else '=~'} {quote(self.pattern)}"


@dataclass(frozen=True, slots=True)
class In:
    """A field against several values."""

    field: str
    literals: tuple[Literal, ...]
    negated: bool = False

    def __str__(self) -> str:
        values = ", ".join(literal.text for literal in self.literals)
        return f"{self.field} {'not in' if self.negated else 'in'} [{values}]"


@dataclass(frozen=True, slots=True)
class Not:
    term: Node

    def __str__(self) -> str:
        return f"not {inner(self.term)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of them; without terms, everything."""

    terms: tuple[Node, ...]

    def __str__(self) -> str:
        return " and ".join(inner(t) for t in self.terms)


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    terms: tuple[Node, ...]

    def __str__(self) -> str:
        # `and` binds tighter, so its terms need no parentheses here
        return " or ".join(str(t) if isinstance(t, And) else inner(t) for t in self.terms)


Leaf = Search | Compare | Match | In
Node = Leaf | Not | And | Or


def inner(node: Node) -> str:
    """Write a node where an `and` or `or` would read differently without parentheses."""
    return f"({node})" if isinstance(node, And | Or) else str(node)


def join(kind: type[And] | type[Or], terms: list[Node]) -> Node:
    """Return the terms as one node, those of the same kind taken in."""
    flat: list[Node] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, kind) else (term,))
    return flat[0] if len(flat) == 1 else kind(tuple(flat))
