"""What a filter's matches must have, for a store's indexes: see `mindbot.domain.needs`."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.domain.needs import ANYTHING, Between, Every, Is, Need, OneOf, Says
from mindbot.filters.fields import TURN_FIELDS, Kind
from mindbot.filters.literals import Literal
from mindbot.filters.nodes import And, Compare, In, Leaf, Match, Node, Not, Or, Search
from mindbot.filters.regexes import plain_words

#: Fields whose words are said in a turn.
_SAID = ("text", "reply", "quote")
#: Every turn has a value of these, so that what is not so is the contrary, and not missing.
_ALWAYS = ("id", "platform", "bot", "session", "user", "state", "took", "received", "kind", "origin")
_CONTRARY = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def needs(node: Node) -> Need:
    """Return what every turn has that the filter matches."""
    match node:
        case And(terms):
            return every(needs(term) for term in terms)
        case Or(terms):
            return one_of(needs(term) for term in terms)
        case Not(term):
            return _contrary(term)
        case _:
            return _leaf(node)


def every(terms: Iterable[Need]) -> Need:
    """Return the terms as one need."""
    kept = tuple(term for term in terms if term != ANYTHING)
    return kept[0] if len(kept) == 1 else Every(kept)


def one_of(terms: Iterable[Need]) -> Need:
    """Return the terms as alternatives; where one of them is anything, so are they all."""
    kept = tuple(terms)
    if not kept or ANYTHING in kept:
        return ANYTHING
    return kept[0] if len(kept) == 1 else OneOf(kept)


def _contrary(node: Node) -> Need:
    match node:
        case Not(term):
            return needs(term)
        case And(terms):
            return one_of(_contrary(term) for term in terms)
        case Or(terms):
            return every(_contrary(term) for term in terms)
        case Compare(field, op, literal) if field in _ALWAYS:
            return _leaf(Compare(field, _CONTRARY[op], literal))  # type: ignore[arg-type]
        case In(field, literals, negated) if field in _ALWAYS:
            return _leaf(In(field, literals, not negated))
        case _:
            return ANYTHING


def _leaf(node: Leaf) -> Need:
    match node:
        case Search(field, words):
            return _says([words]) if field in _SAID else ANYTHING
        case Match(field, pattern, negated):
            known = plain_words(pattern)
            return _says(known) if known and field in _SAID and not negated else ANYTHING
        case In(field, literals, negated):
            return _among(field, literals, negated)
        case Compare(field, "==", literal):
            return _among(field, (literal,), False)
        case Compare(field, "!=", literal):
            return _among(field, (literal,), True)
        case Compare(field, op, literal):
            return _ordered(field, op, literal)


def _says(words: Iterable[str]) -> Need:
    return one_of(Says(each.casefold()) if each else ANYTHING for each in words)


def _among(field: str, literals: tuple[Literal, ...], negated: bool) -> Need:
    values = tuple(literal.value for literal in literals)
    if negated:
        known = TURN_FIELDS.find(field)
        if known is None or not known.values or field not in _ALWAYS:
            return ANYTHING
        return Is(field, tuple(value for value in known.values if value not in values))
    if field in _SAID:
        return _says(str(value) for value in values)
    return Is(field, values)


def _ordered(field: str, op: str, literal: Literal) -> Need:
    known = TURN_FIELDS.find(field)
    if known is None or not (known.kind in (Kind.NUMBER, Kind.DURATION, Kind.TIME) or field == "id"):
        return ANYTHING
    return Between(field, least=literal.value) if op[0] == ">" else Between(field, most=literal.value)
