"""Conversations for whoever brings none: a few lines for each platform, workflow and rule there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mindbot.config.model import Config
from mindbot.config.workflows import RouteSettings, WorkflowSettings
from mindbot.rehearsal.scenario import RehearsedTalk, Scenario, ScenarioLine

_FILE = Path(__file__).with_name("samples.yaml")
_GROUP = "rehearsalgroup"
#: The first of several words of a pattern, where it is a plain one.
_WORD = re.compile(r"[\w ]+")
_OF_EACH = 2  # examples of a workflow's own that are said


def scenario(config: Config) -> Scenario:
    """Return the conversations that come with MindBot, as far as the configuration has use for them."""
    shipped: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    found = [RehearsedTalk(name="greeting", says=_said(shipped["greeting"]))]
    for name, workflow in config.workflows.items():
        if workflow.enabled and (lines := _lines(name, workflow, shipped["workflows"])):
            found.append(RehearsedTalk(name=name, says=_said(lines, meant=name)))
    found.append(RehearsedTalk(name="nothing for a workflow", says=_said(shipped["strange"])))
    found.append(RehearsedTalk(name="in a group", group=_GROUP, says=_said(shipped["greeting"][:1])))
    found += _of_rules(config)
    return Scenario(conversations=tuple(found))


def _said(lines: list[str], meant: str = "") -> tuple[ScenarioLine, ...]:
    return tuple(ScenarioLine(text=line, meant=meant) for line in lines)


def _lines(name: str, workflow: WorkflowSettings, shipped: dict[str, list[str]]) -> list[str]:
    """Return what people say to a workflow: by its examples, by its well-known name, or by its patterns."""
    if workflow.examples:
        return list(workflow.examples[:_OF_EACH])
    if name in shipped:
        return list(shipped[name])
    words = (_WORD.fullmatch(pattern.partition("|")[0]) for pattern in workflow.task_patterns)
    return [word[0] for word in words if word][:_OF_EACH]


def _of_rules(config: Config) -> Iterator[RehearsedTalk]:
    """Yield a message from whom each rule is for, where a rule names somebody."""
    platforms = config.platforms
    for n, rule in enumerate(config.routes, 1):
        named = rule.user or rule.group or rule.platform or rule.text
        if rule.enabled and named and all(each in platforms for each in rule.platform):
            yield RehearsedTalk(
                name=f"rule {rule.name or f'route{n}'}",
                platform=next(iter(rule.platform), ""),
                bot=next(iter(rule.bot), ""),
                user=next(iter(rule.user), ""),
                group=_group(rule),
                says=_said([_text(rule)]),
            )


def _group(rule: RouteSettings) -> str:
    group = next(iter(rule.group), "")
    return _GROUP if group == "*" else group.strip("-")


def _text(rule: RouteSettings) -> str:
    word = _WORD.fullmatch(rule.text.partition("|")[0]) if rule.text else None
    return word[0] if word else "hello"
