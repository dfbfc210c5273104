"""Say in plain words what a filter means, and draw it as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mindbot.filters.compiler import Attributes, predicate, value_of
from mindbot.filters.fields import FieldSet, Kind
from mindbot.filters.nodes import And, Compare, In, Match, Node, Not, Or, Search
from mindbot.filters.tokens import OPERATORS, quote

_TIME_WORDS = {"<": "is before", "<=": "is not after", ">": "is after", ">=": "is not before"}
_SHOWN = 60  # characters of a record's value


@dataclass(frozen=True, slots=True)
class Explanation:
    """``sentence`` in words; ``tree`` one part a line."""

    sentence: str
    tree: str

    def __str__(self) -> str:
        return f"{self.sentence}\n\n{self.tree}"


def explain(node: Node, fields: FieldSet, record: object = None) -> Explanation:
    """Explain a filter; with a record, each line of the tree says ✓ or ✗ and what the record holds."""
    reader = record if record is None or isinstance(record, Mapping) else Attributes(record)
    return Explanation(_sentence(node, fields), "\n".join(_tree(node, reader, "", "")))


def _sentence(node: Node, fields: FieldSet) -> str:
    match node:
        case Search(field, words):
            return f"{field} contains {quote(words)}"
        case Compare(field, op, literal):
            known = fields.find(field)
            in_time = known is not None and known.kind is Kind.TIME
            return f"{field} {(in_time and _TIME_WORDS.get(op)) or OPERATORS[op]} {literal.text}"
        case Match(field, pattern, negated):
            return f"{field} {'does not match' if negated else 'matches'} {quote(pattern)}"
        case In(field, literals, negated):
            values = ", ".join(literal.text for literal in literals)
            return f"{field} is {'none' if negated else 'one'} of {values}"
        case Not(term):
            return f"it is not so that {_clause(term, fields)}"
        case And(terms) | Or(terms):
            if not terms:
                return "everything"
            said = [_clause(t, fields) for t in terms]
            return f"{', '.join(said[:-1])} {'and' if isinstance(node, And) else 'or'} {said[-1]}"


def _clause(node: Node, fields: FieldSet) -> str:
    sentence = _sentence(node, fields)
    return f"({sentence})" if isinstance(node, And | Or) else sentence


def _tree(node: Node, record: Any, first: str, rest: str) -> Iterator[str]:
    """Yield the lines; ``first`` stands before the node's own line, ``rest`` before those below it."""
    yield f"{first}{_verdict(node, record)}{_label(node)}{_seen(node, record)}"
    below: tuple[Node, ...] = ()
    if isinstance(node, And | Or):
        below = node.terms
    elif isinstance(node, Not):
        below = (node.term,)
    for i, term in enumerate(below, 1):
        last = i == len(below)
        yield from _tree(term, record, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def _label(node: Node) -> str:
    match node:
        case And(terms):
            return "all of" if terms else "everything"
        case Or():
            return "any of"
        case Not():
            return "not"
        case Search(field, words):
            return f"{field} contains {quote(words)}"
        case _:
            return str(node)


def _verdict(node: Node, record: Any) -> str:
    if record is None:
        return ""
    return "✓ " if predicate(node)(record) else "✗ "


def _seen(node: Node, record: Any) -> str:
    if record is None or isinstance(node, And | Or | Not):
        return ""
    value = value_of(record, node.field)
    if value is None:
        return "   (absent)"
    shown = quote(value) if isinstance(value, str) else str(value)
    return f"   ({shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + '…'})"
