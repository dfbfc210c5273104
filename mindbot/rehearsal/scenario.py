"""What is played: conversations, what is expected of them, and what fails on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from mindbot.config import keys, tree
from mindbot.config.model import BotConfig, Config
from mindbot.config.patterns import check_patterns
from mindbot.config.sections import Section
from mindbot.config.tree import Finding, KeyPath, Node
from mindbot.config.types import LINES
from mindbot.rehearsal.reading import read_as

_SEE = "see docs/rehearsal.md"
#: Platforms with a simulator, and those of them that have groups.
PLATFORMS = frozenset({"dingtalk", "wecom", "wecomcs", "wecombot"})
GROUPS = frozenset({"dingtalk", "wecombot"})


def _specs(value: Any) -> Any:
    """A bare status such as 504 is a fault too, and one stands for a list of one."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return (str(value),)
    if isinstance(value, list | tuple):
        return tuple(str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in value)
    return value


FaultSpecs = Annotated[tuple[str, ...], BeforeValidator(_specs)]


class Expected(Section):
    """What must come of a message. What is absent may be anything; answered it must be all the same."""

    workflow: str | None = Field("", description="Who answers; null: no workflow does.")
    runner: str = Field("", description="The runner that answers: workflow, agent, chat.")
    rule: str = Field("", description="The rule of `routes:` that decides.")
    reply: str = Field("", description="A regular expression that the answer holds.")
    state: Literal["answered", "dropped", "failed"] = Field("answered", description="How the turn ends.")

    @field_validator("reply")
    @classmethod
    def _pattern(cls, value: str) -> str:
        if value:
            check_patterns((value,))
        return value


class ScenarioLine(Section):
    """A message."""

    text: str = Field(min_length=1, description="What the user says.")
    expect: Expected = Expected()
    meant: str = Field("", description="The workflow it is meant for: told where another one answers.")


class RehearsedTalk(Section):
    """One conversation: its messages follow each other, conversations go on side by side."""

    name: str = Field("", description="What the report calls it.")
    platform: str = Field("", description="Empty: every platform that has a bot.")
    bot: str = Field("", description="Empty: its first bot.")
    user: str = Field("", description="Who writes; empty: somebody new.")
    group: str = Field("", description="The group it is said in (dingtalk, wecombot).")
    says: Annotated[tuple[ScenarioLine, ...], LINES] = Field(
        min_length=1, description="The messages, in order."
    )


class Scenario(Section):
    """A file of conversations."""

    conversations: tuple[RehearsedTalk, ...] = Field(min_length=1, description="What is played.")
    faults: dict[str, FaultSpecs] = Field(
        default_factory=dict,
        description="What fails, by the name of a workflow, provider or bot: a status, or a fault.",
    )


def read(path: Path, config: Config) -> Scenario:
    """Read a file and hold it against the configuration it is for.

    Raises:
        ConfigError: ``problems`` has a line for every finding, each with its place and mend.
    """
    return read_as(
        Scenario,
        path,
        begins="conversations",
        what="the conversations",
        see=_SEE,
        also=lambda root, scenario: _strangers(root, scenario, config),
    )


def _strangers(root: Node, scenario: Scenario, config: Config) -> list[Finding]:
    """Return a finding for each name that the configuration does not have."""
    bots = config.bots()
    platforms = list(dict.fromkeys(bot.platform for bot in bots))
    workflows = list(config.workflows)
    rules = [rule.name or f"route{n}" for n, rule in enumerate(config.routes, 1)]
    found: list[Finding] = []

    def check(path: KeyPath, name: str | None, known: list[str], noun: str) -> None:
        if name and name not in known:
            meant = keys.guess(name, known)
            there = f"There are: {', '.join(known)}" if known else "There is none"
            node, written, _ = tree.find(root, path)
            what = f"{tree.dotted(written)}: no {noun} is called {name}"
            mend = f"Did you mean {meant}?" if meant else there
            found.append(Finding(node.origin, f"{what}. {mend}"))

    for n, talk in enumerate(scenario.conversations):
        here: KeyPath = ("conversations", n)
        check((*here, "platform"), talk.platform, platforms, "platform with a bot")
        own = [bot.name for bot in bots if talk.platform in ("", bot.platform)]
        check((*here, "bot"), talk.bot, own, "bot")
        if not with_whom(talk, config) and talk.bot in ("", *own) and talk.platform in ("", *platforms):
            found.append(Finding(tree.find(root, here)[0].origin, f"{tree.dotted(here)}: {_nobody(talk)}"))
        for m, said in enumerate(talk.says):
            line: KeyPath = (*here, "says", m)
            check((*line, "expect", "workflow"), said.expect.workflow, workflows, "workflow")
            check((*line, "expect", "rule"), said.expect.rule, rules, "rule")
            check((*line, "meant"), said.meant, workflows, "workflow")
    for name in scenario.faults:
        check(("faults", name), name, list(names_of(config)), "workflow, provider or bot")
    return found


def with_whom(talk: RehearsedTalk, config: Config) -> list[tuple[str, str]]:
    """Return the bots that a conversation is had with, by platform and name: the first of each platform."""
    there = config.bots() if talk.platform == "console" else _bots(config)
    found: dict[str, str] = {}
    for bot in there:
        grouped = not talk.group or bot.platform in GROUPS
        if grouped and talk.platform in ("", bot.platform) and talk.bot in ("", bot.name):
            found.setdefault(bot.platform, bot.name)
    return list(found.items())


def _bots(config: Config) -> list[BotConfig]:
    """Return the bots that somebody can write to: those with a simulator, else the console's."""
    bots = config.bots()
    played = [bot for bot in bots if bot.platform in PLATFORMS]
    return played or [bot for bot in bots if bot.platform == "console"]


def _nobody(talk: RehearsedTalk) -> str:
    if talk.group:
        groups = " and ".join(sorted(GROUPS))
        return (
            f"no bot is there that can be written to in a group: only {groups} have some. Leave out `group`"
        )
    return "no bot is there that can be written to: its platform has no simulator. Leave the conversation out"


def names_of(config: Config) -> Mapping[str, None]:
    """Return what faults may be given to: workflows and their replicas, providers, platforms and bots."""
    names: dict[str, None] = {}
    for workflow, entry in config.workflows.items():
        names[workflow] = None
        names |= dict.fromkeys(f"{workflow}/{each}" for each in replica_names(entry.replicas))
    names |= dict.fromkeys(config.providers)
    for bot in config.bots():
        names |= {bot.platform: None, f"{bot.platform}/{bot.name}": None}
    return names


def replica_names(replicas: tuple[Any, ...]) -> list[str]:
    """Return what a workflow's replicas are called: their names, else by their places."""
    return [each.name or f"replica{n}" for n, each in enumerate(replicas, 1)]
