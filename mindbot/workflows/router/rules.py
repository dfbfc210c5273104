"""The rules of `routes:`: which of them a message matches, and what they do together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mindbot.config.workflows import RouteSettings
from mindbot.domain.shapes.workflows import RuleJson
from mindbot.workflows.general import Usable
from mindbot.workflows.router.conditions import Condition, conditions
from mindbot.workflows.router.facts import Facts
from mindbot.workflows.router.index import IndexedRule, indexed


@dataclass
class Rule:
    """One entry of `routes:`. ``matched`` counts the messages it was for, ``last`` is when that was last so
    (Unix seconds)."""

    name: str
    settings: RouteSettings
    matched: int = 0
    last: float | None = None

    @classmethod
    def of(cls, settings: RouteSettings, place: int) -> Rule:
        """Return the rule at a place, counted from 1."""
        return cls(settings.name or f"route{place}", settings)

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """What must hold; made when a message is first held against it: a reload waits for none of it."""
        return tuple(conditions(self.settings, self.name))

    def missing(self, usable: Usable) -> str:
        """Return the workflow it names that cannot be asked; empty where all can."""
        wanted = (self.settings.workflow, *self.settings.workflows, *self.settings.among)
        named = [name for name in wanted if name]
        return named[0] if named and not any(usable(name) for name in named) else ""

    def holds(self, facts: Facts) -> bool:
        """Whether a message meets all its conditions."""
        return all(condition.holds(facts) for condition in self.conditions)

    def told(self, facts: Facts, usable: Usable) -> str:
        """Say whether a message matches, and which condition is why not."""
        if not self.settings.enabled:
            return f"✗ {self.name}: it is not enabled"
        if missing := self.missing(usable):
            return f"✗ {self.name}: its workflow {missing} cannot be asked"
        for condition in self.conditions:
            if not condition.holds(facts):
                return f"✗ {self.name}: wants {condition.wants}; {condition.found(facts)}"
        return f"✓ {self.name}: {self.wants} → {self.does}"

    def to_json(self) -> RuleJson:
        return {
            "name": self.name,
            "enabled": self.settings.enabled,
            "conditions": self.wants,
            "does": self.does,
            "matched": self.matched,
            "last": self.last,
        }

    @property
    def wants(self) -> str:
        """Its conditions in words."""
        # Not those that are kept once made: of thousands of rules they would only be for their words.
        return "; ".join(each.wants for each in conditions(self.settings, self.name)) or "every message"

    @property
    def does(self) -> str:
        """What it does in words."""
        rule = self.settings
        done = [
            rule.workflow and f"workflow {rule.workflow}",
            rule.workflows and f"workflows {' + '.join(rule.workflows)}",
            rule.among and f"one of {', '.join(rule.among)}",
            rule.runner and f"runner {rule.runner}",
            rule.reply and f"reply {rule.reply!r}",
            rule.then and f"then {', '.join(rule.then)}",
            rule.on_error and f"on error {rule.on_error}",
            rule.set and f"set {', '.join(f'{name}={value}' for name, value in rule.set.items())}",
        ]
        told = ", ".join(each for each in done if each) or "what the message says decides"
        return f"{told}, and on" if rule.continue_ else told


@dataclass(slots=True)
class Ruling:
    """What the rules that a message matches do together; of two that say who answers the later wins.

    ``rule`` is the one that says so; ``lines`` tell each that matched.
    """

    rule: str = ""
    workflow: str = ""
    workflows: tuple[str, ...] = ()
    among: tuple[str, ...] = ()
    runner: str = ""
    reply: str = ""
    combine: str = "join"
    on_error: str = ""
    then: tuple[str, ...] = ()
    vars: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    @property
    def decides(self) -> bool:
        """Whether they say who answers."""
        return bool(self.workflow or self.workflows or self.reply or self.runner not in ("", "workflow"))

    def add(self, rule: Rule) -> None:
        """Take in what one more does."""
        does = rule.settings
        aims = does.workflow or does.workflows or does.among or does.runner or does.reply
        if aims:
            self.workflow, self.workflows, self.among = does.workflow, does.workflows, does.among
            self.runner, self.reply, self.combine = does.runner, does.reply, does.combine
            self.rule = rule.name
        self.on_error = does.on_error or self.on_error
        self.then = does.then or self.then
        self.vars |= does.set
        self.lines.append(f"{rule.name}: {rule.wants} → {rule.does}")


class RouteRules:
    """All rules in their order. Those that a message cannot match are not looked at one by one."""

    def __init__(self, settings: Sequence[RouteSettings]) -> None:
        self.all = [Rule.of(each, n) for n, each in enumerate(settings, start=1)]
        entries = [
            IndexedRule.of(n, rule.settings) for n, rule in enumerate(self.all) if rule.settings.enabled
        ]
        self._index = indexed(entries)

    def matching(self, facts: Facts, usable: Usable) -> Iterator[Rule]:
        """Yield the rules that a message matches, to the first that is the last word."""
        for place in self.candidates(facts):
            rule = self.all[place]
            if rule.holds(facts) and not rule.missing(usable):
                yield rule
                if not rule.settings.continue_:
                    return

    def candidates(self, facts: Facts) -> list[int]:
        """Return the places of the rules that are asked one by one, in order."""
        return sorted(self._index.find(facts))

    def judge(self, facts: Facts, usable: Usable, *, count: bool = True) -> Ruling:
        """Return what they do with a message; ``count``: it is one that is routed, not one that is tried."""
        ruling = Ruling()
        for rule in self.matching(facts, usable):
            ruling.add(rule)
            if count:
                rule.matched += 1
                rule.last = facts.asked.ts
        return ruling

    def told(self, facts: Facts, usable: Usable) -> list[str]:
        """Return a line for each rule: whether a message matches it, and why not. Those below the one that
        is the last word are not asked."""
        lines: list[str] = []
        over = ""
        for rule in self.all:
            line = rule.told(facts, usable)
            lines.append(f"· {rule.name}: not asked, {over} is the last word" if over else line)
            if not over and line.startswith("✓") and not rule.settings.continue_:
                over = rule.name
        return lines
