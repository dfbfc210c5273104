"""The conditions of a rule: each can be asked whether it holds, and told in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mindbot.config.hours import Hours
from mindbot.config.workflows import RouteSettings
from mindbot.filters.fields import ROUTE_FIELDS
from mindbot.filters.language import parse
from mindbot.workflows.router import splits
from mindbot.workflows.router.facts import KEYS, Facts

ANY, NONE = "*", "-"
_SHOWN = 40  # characters of what a message holds
_MAX_MEMORY = 8 << 20  # bytes; beyond it RE2 gets slower, not bigger


@dataclass(frozen=True, slots=True)
class Condition:
    """``wants`` is what it asks for in words, ``found`` says what a message has in its place. Patterns and
    filters are compiled when a message is first held against them: telling them in words needs none of it."""

    wants: str
    holds: Callable[[Facts], bool]
    found: Callable[[Facts], str]


def compiled(pattern: str) -> Any:
    """Return a pattern on RE2, in any case of letters; raises re2.error."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.case_sensitive = False
    options.max_mem = _MAX_MEMORY
    return re2.compile(pattern.encode("utf-8", "replace"), options)


@dataclass
class _Late:
    """What is made when it is first needed."""

    make: Callable[[], Callable[[Any], Any]]

    @cached_property
    def made(self) -> Callable[[Any], Any]:
        return self.make()


def conditions(rule: RouteSettings, name: str) -> Iterator[Condition]:
    """Yield what must hold, the cheapest first. ``name`` keeps its share of users apart from others'."""
    for key in KEYS:
        if values := getattr(rule, key):
            yield _equal(key, frozenset(values))
    if rule.percent < 100:
        yield _share(name, rule.percent)
    if hours := Hours(rule.time, rule.days, rule.timezone):
        yield _hours(rule, hours)
    if rule.text:
        yield _text(rule.text)
    if rule.when:
        yield _when(rule.when)


def _equal(key: str, wanted: frozenset[str]) -> Condition:
    def holds(facts: Facts) -> bool:
        here = facts.values[key]
        if not wanted.isdisjoint(here):
            return True
        return (ANY in wanted and any(here)) or (NONE in wanted and not any(here))

    def found(facts: Facts) -> str:
        return f"the {key} is {_some([each for each in facts.values[key] if each])}"

    words = {ANY: f"any {key}", NONE: f"no {key}"}
    wants = f"{key} " + " or ".join(words.get(value, value) for value in sorted(wanted))
    return Condition(wants.removeprefix(f"{key} ") if wanted <= words.keys() else wants, holds, found)


def _some(values: list[str]) -> str:
    return ", ".join(values) or "none"


def _share(name: str, percent: float) -> Condition:
    salt = f"rule:{name}"
    return Condition(
        f"{percent:g} % of the users",
        lambda facts: splits.among(salt, facts.who, percent),
        lambda facts: f"this user stands at {splits.place(salt, facts.who):.1f} %",
    )


def _hours(rule: RouteSettings, hours: Hours) -> Condition:
    wants = " ".join(filter(None, (rule.time, ", ".join(rule.days), rule.timezone)))
    return Condition(
        wants, lambda facts: hours.hold(facts.asked.ts), lambda facts: f"it is {hours.now(facts.asked.ts)}"
    )


def _text(pattern: str) -> Condition:
    search = _Late(lambda: compiled(pattern).search)
    return Condition(
        f'text =~ "{pattern}"',
        lambda facts: search.made(facts.encoded) is not None,
        lambda facts: f"the text is {_short(facts.asked.text)!r}",
    )


def _when(text: str) -> Condition:
    predicate = _Late(lambda: parse(text, ROUTE_FIELDS).compile())
    return Condition(text, lambda facts: predicate.made(facts.record), lambda facts: "it does not hold")


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
