"""What can stand at the cursor: fields, operators, values and keywords, for consoles and shells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from mindbot.filters.errors import FilterError
from mindbot.filters.fields import Field, FieldSet, Kind
from mindbot.filters.tokens import OPERATORS, FilterToken, lex, quote

MAX_OFFERS = 50
_EXAMPLES = {
    Kind.BOOL: ("true", "false"),
    Kind.DURATION: ("100ms", "1s", "5s", "1m", "1h"),
    Kind.SIZE: ("1KiB", "1MB", "10MB"),
}

State = Literal["term", "subject", "not", "value", "list", "item", "items", "joined", "lost"]
#: What is expected after a token, by what was expected before it; a pair that is not here is a mistake.
_NEXT: dict[State, dict[str, State]] = {
    "term": {"word": "subject", "string": "joined", "(": "term", "not": "term"},
    "subject": {"operator": "value", "in": "list", "not": "not"},
    "not": {"in": "list"},
    "value": {"word": "joined", "string": "joined"},
    "list": {"[": "item", "(": "item"},
    "item": {"word": "items", "string": "items"},
    "items": {",": "item", "]": "joined", ")": "joined"},
    "joined": {"and": "term", "or": "term", ")": "joined"},
    "lost": {},
}
#: Where a state knows no answer, the token is read as in this state: terms may stand side by side.
_ELSE: dict[State, State] = {"subject": "joined", "not": "term", "joined": "term"}


@dataclass(frozen=True, slots=True)
class Insertion:
    """Put ``text`` in place of the characters from ``start`` to ``end``, counted from 0."""

    text: str
    start: int
    end: int
    kind: Literal["field", "operator", "value", "keyword"]
    help: str = ""


def complete(
    text: str, cursor: int, fields: FieldSet, values: Mapping[str, Iterable[str]] | None = None
) -> list[Insertion]:
    """Return what fits at the cursor (0 is before the first character), the best first.

    ``values`` holds values seen lately by field. Text that cannot be understood gets no offers.
    """
    head = text[:cursor]
    operator_begun = head[len(head.rstrip("=!<>~")) :]
    try:
        tokens = lex(head[: len(head) - len(operator_begun)], partial=True)[:-1]
    except FilterError:
        return []
    begun = None
    if operator_begun:
        typed, start, end = operator_begun, cursor - len(operator_begun), cursor
    elif tokens and (tokens[-1].open or (tokens[-1].kind == "word" and tokens[-1].end == cursor)):
        begun = tokens.pop()
        typed, start, end = begun.value, begun.start, _end(text, begun, cursor)
    else:
        typed, start, end = "", cursor, cursor
    state, subject = _follow(tokens)
    offers = _offers(state, fields.find(subject), fields, values or {})
    if operator_begun:
        offers = (o for o in offers if o[1] == "operator")
    elif begun and begun.kind == "string":
        offers = (o for o in offers if o[1] == "value")
    return [Insertion(offer, start, end, kind, help) for offer, kind, help in _fitting(offers, typed)]


Offer = tuple[str, Literal["field", "operator", "value", "keyword"], str]


def _end(text: str, begun: FilterToken, cursor: int) -> int:
    """Return where the token under the cursor ends in the whole text; an open string ends at the cursor."""
    try:
        whole = next(t for t in lex(text, partial=True) if t.start == begun.start)
    except FilterError:
        return cursor
    return cursor if whole.open else whole.end


def _follow(tokens: list[FilterToken]) -> tuple[State, str]:
    """Return what is expected after these tokens, and the word a value or operator would belong to."""
    state: State = "term"
    subject = ""
    for token in tokens:
        sort = token.keyword or token.kind
        while sort not in _NEXT[state] and state in _ELSE:
            state = _ELSE[state]
        state = _NEXT[state].get(sort, "lost")
        if state == "subject":
            subject = token.value
    return state, subject


def _offers(
    state: State, field: Field | None, fields: FieldSet, values: Mapping[str, Iterable[str]]
) -> Iterator[Offer]:
    if state in ("value", "item") and field:
        yield from _values(field, values)
    if state == "subject" and field:
        yield from _operators(field)
    if state == "not" and field:
        yield ("in", "operator", "is none of a list")
    if state == "list":
        yield ("[", "operator", "begin the list")
    if state == "items":
        yield (",", "operator", "one more value")
        yield ("]", "operator", "end the list")
    if state in ("subject", "joined"):
        yield ("and", "keyword", "both")
        yield ("or", "keyword", "at least one")
    if state in ("term", "subject", "not", "joined"):
        yield from ((f.name + ("." if f.kind is Kind.MAP else ""), "field", f.help) for f in fields.fields)
    if state in ("term", "joined"):
        yield ("not", "keyword", "turns the next term round")


def _operators(field: Field) -> Iterator[Offer]:
    for operator, help in OPERATORS.items():
        if field.kind is Kind.BOOL and operator not in ("==", "!="):
            continue
        if operator in ("=~", "!~") and field.kind not in (Kind.TEXT, Kind.ANY):
            continue
        yield (operator, "operator", help)
    yield ("in", "operator", "is one of a list")
    yield ("not in", "operator", "is none of a list")


def _values(field: Field, seen: Mapping[str, Iterable[str]]) -> Iterator[Offer]:
    for value in (*field.values, *_EXAMPLES.get(field.kind, ())):
        yield (value, "value", "")
    for value in seen.get(field.name, ()):
        if value not in field.values:
            yield (quote(value) if field.kind in (Kind.TEXT, Kind.ANY) else value, "value", "seen")


def _fitting(offers: Iterable[Offer], typed: str) -> Iterator[Offer]:
    """Yield the offers that begin with what was typed, then those that hold it."""
    typed = typed.lower()
    later = []
    count = 0
    for offer in offers:
        name = offer[0].lower().lstrip('"')
        if name.startswith(typed):
            yield offer
            count += 1
        elif typed in name:
            later.append(offer)
        if count >= MAX_OFFERS:
            return
    yield from islice(later, MAX_OFFERS - count)
