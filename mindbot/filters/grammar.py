"""The grammar, by recursive descent.

::

    filter  = [ any ]
    any     = all { "or" all }
    all     = term { [ "and" ] term }
    term    = "not" term | "(" any ")" | comparison | WORD | STRING
    comparison = FIELD ( "==" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~" ) value
               | FIELD [ "not" ] "in" ( "[" | "(" ) value { "," value } ( "]" | ")" )
    value   = WORD | STRING
"""

from __future__ import annotations

import re
from typing import NoReturn, cast

from mindbot.filters.errors import FilterError, did_you_mean
from mindbot.filters.fields import Field, FieldSet, Kind
from mindbot.filters.literals import Literal, read
from mindbot.filters.nodes import And, Compare, CompareOp, In, Match, Node, Not, Or, Search, join
from mindbot.filters.regexes import searcher
from mindbot.filters.tokens import FilterToken, lex

MAX_LENGTH = 4_000  # characters
MAX_DEPTH = 50  # of parentheses and `not`
_NAME = re.compile(r"[^\W\d][\w-]*(\.[\w-]+)*")


class Parser:
    """Reads one filter."""

    def __init__(self, text: str, fields: FieldSet) -> None:
        if len(text) > MAX_LENGTH:
            raise FilterError(f"the filter is longer than {MAX_LENGTH:,} characters", text, MAX_LENGTH + 1)
        self._text = text
        self._fields = fields
        self._tokens = lex(text)
        self._at = 0
        self._depth = 0

    def filter(self) -> Node:
        """Return the whole filter's tree; an empty text matches everything."""
        if len(self._tokens) == 1:
            return And(())
        node = self._any()
        left = self._token
        if left.kind != "end":
            self._fail(f"{_shown(left)} has no business here", left)
        return node

    @property
    def _token(self) -> FilterToken:
        return self._tokens[self._at]

    @property
    def _next(self) -> FilterToken:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def _take(self) -> FilterToken:
        token = self._token
        self._at += 1
        return token

    def _any(self) -> Node:
        terms = [self._all()]
        while self._token.keyword == "or":
            self._take()
            terms.append(self._all())
        return join(Or, terms)

    def _all(self) -> Node:
        terms = [self._term()]
        while self._token.kind not in ("end", ")", "]", ",") and self._token.keyword != "or":
            if self._token.keyword == "and":
                self._take()
            terms.append(self._term())
        return join(And, terms)

    def _term(self) -> Node:
        token = self._token
        if token.keyword == "not" or token.kind == "(":
            return self._nested()
        if token.kind not in ("word", "string") or token.keyword:
            self._fail(f"expected a field, a word or a quoted text, found {_shown(token)}", token)
        if self._next.kind == "operator" or self._next.keyword == "in" or self._not_in(self._at + 1):
            return self._comparison()
        return self._search()

    def _not_in(self, at: int) -> bool:
        return self._tokens[at].keyword == "not" and self._tokens[at + 1].keyword == "in"

    def _nested(self) -> Node:
        opening = self._take()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH}", opening)
        if opening.kind == "(":
            node = self._any()
            self._close(opening)
        else:
            node = Not(self._term())
        self._depth -= 1
        return node

    def _close(self, opening: FilterToken) -> None:
        token, closing = self._token, {"(": ")", "[": "]"}[opening.kind]
        if token.kind == "end":
            self._fail(f"{_shown(opening)} is never closed", opening, hint=f"add {closing}")
        if token.kind != closing:
            self._fail(f'expected "{closing}", found {_shown(token)}', token)
        self._take()

    def _search(self) -> Node:
        token = self._take()
        named = self._fields.find(token.value)
        truth = named is not None and named.kind is Kind.BOOL
        if truth and token.kind == "word":  # it stands for itself
            return Compare(token.value, "==", Literal(True, "true"))
        if not self._fields.search:
            self._fail("here is no text to search", token, hint='compare a field, e.g. name == "value"')
        return Search(self._fields.search, token.value, quoted=truth)

    def _comparison(self) -> Node:
        field = self._field(self._take())
        operator = self._take()
        if operator.kind == "operator":
            value = self._value(field)
            if operator.value in ("=~", "!~"):
                return self._match(field, operator, value)
            if operator.value not in ("==", "!=") and field.kind is Kind.BOOL:
                self._fail(f"{field.name} is true or false and has no order", operator, hint="use == or !=")
            return Compare(field.name, cast(CompareOp, operator.value), read(value, field, self._text))
        negated = operator.keyword == "not"
        if negated:
            self._take()
        return self._in(field, negated)

    def _in(self, field: Field, negated: bool) -> In:
        opening = self._token
        if opening.kind not in ("(", "["):
            self._fail(f"expected a list, found {_shown(opening)}", opening, hint=f"{field.name} in [a, b]")
        self._take()
        literals = []
        while True:
            value = self._value(field)
            literals.append(read(value, field, self._text))
            if self._token.kind != ",":
                break
            self._take()
        self._close(opening)
        return In(field.name, tuple(literals), negated)

    def _match(self, field: Field, operator: FilterToken, value: FilterToken) -> Match:
        if field.kind not in (Kind.TEXT, Kind.ANY):
            self._fail(f"{field.name} is a {field.kind} and takes no pattern", operator)
        try:
            searcher(value.value)
        except ValueError as error:
            self._fail(f"not a pattern: {error}", value)
        return Match(field.name, value.value, operator.value == "!~")

    def _value(self, field: Field) -> FilterToken:
        token = self._token
        if token.kind not in ("word", "string"):
            self._fail(f"expected a value for {field.name}, found {_shown(token)}", token)
        return self._take()

    def _field(self, token: FilterToken) -> Field:
        if token.kind == "string" or not _NAME.fullmatch(token.value):
            self._fail("a comparison begins with a field", token, hint="names are written without quotes")
        field = self._fields.find(token.value)
        if field is None:
            names = self._fields.names
            self._fail(
                f"unknown field {token.value}", token, hint=did_you_mean(token.value, names), names=names
            )
        if field.kind is Kind.MAP:
            self._fail(f"{field.name} holds values by name", token, hint=f"write {field.name}.NAME")
        return field

    def _fail(
        self, message: str, token: FilterToken, *, hint: str = "", names: list[str] | None = None
    ) -> NoReturn:
        raise FilterError(
            message,
            self._text,
            token.start + 1,
            length=token.end - token.start,
            hint=hint,
            fields=names or (),
        )


def _shown(token: FilterToken) -> str:
    return "the end" if token.kind == "end" else f'"{token.value}"'
