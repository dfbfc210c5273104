"""Turn a tree into a predicate: nested closures, no eval. A missing field (or None) makes a leaf false."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import ge, gt, le, lt
from typing import Any

from mindbot.filters.fields import MANY
from mindbot.filters.nodes import And, Compare, In, Leaf, Match, Node, Not, Or, Search
from mindbot.filters.regexes import searcher

Test = Callable[[Any], bool]  # of anything with a `get`
Check = Callable[[Any], bool]  # of one value
Predicate = Callable[[object], bool]
_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def predicate(node: Node) -> Predicate:
    """Return a function of a record: a mapping, or an object with attributes of the fields' names."""
    test = _test(node)

    def matches(record: object) -> bool:
        if type(record) is dict:
            return test(record)
        return test(record if isinstance(record, Mapping | Attributes) else Attributes(record))

    return matches


class Attributes:
    """Reads an object like a mapping; names that begin with an underscore are nobody's business."""

    __slots__ = ("_record",)

    def __init__(self, record: object) -> None:
        self._record = record

    def get(self, name: str) -> Any:
        return None if name.startswith("_") else getattr(self._record, name, None)


def value_of(record: Any, name: str) -> Any:
    """Return a record's field; a dotted one as it stands, or step by step through what it holds."""
    value = record.get(name)
    if value is None and "." in name:
        value = record
        for step in name.split("."):
            if value is None:
                return None
            value = (
                value.get(step) if isinstance(value, Mapping | Attributes) else Attributes(value).get(step)
            )
    return value


def _test(node: Node) -> Test:
    match node:
        case Not(term):
            test = _test(term)
            return lambda record: not test(record)
        case And(terms):
            return _all([_test(t) for t in sorted(terms, key=_cost)])
        case Or(terms):
            return _any([_test(t) for t in sorted(terms, key=_cost)])
        case _:
            check = _check(node)
            return _leaf(node.field, _of_many(check, _negated(node)) if node.field in MANY else check)


def _cost(node: Node) -> int:
    """Cheap terms are asked first: terms have no side effects, so their order is ours to choose."""
    match node:
        case Compare() | In():
            return 0
        case Search():
            return 1
        case Match():
            return 2
        case Not(term):
            return _cost(term)
        case And(terms) | Or(terms):
            return 1 + max(map(_cost, terms), default=0)


def _all(tests: list[Test]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda record: first(record) and second(record)
    if len(tests) == 3:
        first, second, third = tests
        return lambda record: first(record) and second(record) and third(record)

    def all_of(record: Any) -> bool:
        for test in tests:  # noqa: SIM110  # a generator costs twice as much
            if not test(record):
                return False
        return True

    return all_of


def _any(tests: list[Test]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda record: first(record) or second(record)

    def any_of(record: Any) -> bool:
        for test in tests:  # noqa: SIM110  # as above
            if test(record):
                return True
        return False

    return any_of


def _leaf(name: str, check: Check) -> Test:
    if "." in name:
        return lambda record: (value := value_of(record, name)) is not None and check(value)
    return lambda record: (value := record.get(name)) is not None and check(value)


def _negated(node: Leaf) -> bool:
    return (isinstance(node, Match | In) and node.negated) or (isinstance(node, Compare) and node.op == "!=")


def _of_many(check: Check, every: bool) -> Check:
    """Return the check of a list: whether one value meets it, or ``every`` one does."""
    over = all if every else any
    return lambda value: over(map(check, value)) if isinstance(value, list | tuple) else check(value)


def _check(node: Leaf) -> Check:
    """Return what the leaf says of a value that is there. Values of a wrong type are no error."""
    match node:
        case Search(_, words):
            needle = words.casefold()
            return lambda value: isinstance(value, str) and needle in value.casefold()
        case Match(_, pattern, negated):
            found = searcher(pattern)
            return lambda value: isinstance(value, str) and found(value) is not negated
        case In(_, literals, negated):
            values = tuple(literal.value for literal in literals)
            return lambda value: (value in values) is not negated
        case Compare(_, "==", literal):
            want = literal.value
            return lambda value: bool(value == want)
        case Compare(_, "!=", literal):
            want = literal.value
            return lambda value: bool(value != want)
        case Compare(_, op, literal):
            return _ordered(_ORDER[op], literal.value)


def _ordered(compare: Callable[[Any, Any], bool], want: str | float) -> Check:
    def check(value: Any) -> bool:
        try:
            return bool(compare(value, want))
        except TypeError:  # a text against a number has no order
            return False

    return check
