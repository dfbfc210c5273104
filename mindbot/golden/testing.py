"""Plays golden conversations with a configuration, all simulated: models and workflows answer as recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from mindbot.config.load import Loaded
from mindbot.config.model import Config
from mindbot.domain.message import Json
from mindbot.golden.drift import Drift, drifts
from mindbot.golden.facts import end_of
from mindbot.golden.file import GoldenEnd, GoldenFile, GoldenTalk, GoldenTurn
from mindbot.rehearsal.playing import Played, Prompter, Scene, allowed_user
from mindbot.rehearsal.rehearsing import rehearse
from mindbot.rehearsal.scenario import ScenarioLine
from mindbot.rehearsal.stand_ins import StandIns
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.models.server import ModelSimulator

#: What a request is refused with that has to fail: said again it would fail again.
_REFUSED = "400"


@dataclass(slots=True)
class GoldenCheck:
    """What came of a turn. ``failed`` is why nothing is known of it; ``now`` are the facts of today."""

    file: Path
    talk: GoldenTalk
    n: int
    turn: GoldenTurn
    now: GoldenEnd | None = None
    failed: str = ""
    drifts: list[Drift] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not (self.failed or self.drifts)


@dataclass(slots=True)
class GoldenOutcome:
    """What a test came to. ``errors`` are not of one turn; ``took`` is seconds."""

    checks: list[GoldenCheck]
    errors: list[str] = field(default_factory=list)
    took: float = 0.0
    stopped: int = 0  # the signal that ended it before its time

    @property
    def ok(self) -> bool:
        return not self.errors and all(check.ok for check in self.checks)


def check(loaded: Loaded, files: Sequence[tuple[Path, GoldenFile]], *, timeout: float) -> GoldenOutcome:
    """Play all turns, one after the other, and hold what comes of each against what came of it.

    Each file is played by itself, so that none leads to anything in another; ``timeout`` is seconds a file.

    Raises:
        ConfigError: the configuration cannot be run.
        MindBotError: the runtime could not start.
    """
    outcome = GoldenOutcome([])
    for path, file in files:
        _check_file(_untimed(loaded), path, file, timeout, outcome)
        if outcome.stopped:
            break
    return outcome


def _untimed(loaded: Loaded) -> Loaded:
    """Return a configuration without limits of time: a day's messages are played in a second."""
    limits = loaded.config.limits.model_copy(update={"per_user": None})
    return replace(loaded, config=loaded.config.model_copy(update={"limits": limits}))


def _check_file(loaded: Loaded, path: Path, file: GoldenFile, timeout: float, outcome: GoldenOutcome) -> None:
    checks = [GoldenCheck(path, talk, n, turn) for talk, n, turn in file.turns()]
    outcome.checks += checks
    there = {(bot.platform, bot.name) for bot in loaded.config.bots()}
    played: list[GoldenCheck] = []
    scenes: list[Scene] = []
    for talk in file.conversations:
        own = [each for each in checks if each.talk is talk and not each.turn.skip]
        if (talk.platform, talk.bot) not in there:
            for each in own:
                each.failed = f"no bot is called {talk.platform}/{talk.bot} any more"
        elif own:
            played += own
            scenes.append(_scene(loaded.config, talk, own))
    if not scenes:
        return
    turns = iter(played)
    told = rehearse(
        loaded,
        scenes,
        {},
        timeout=timeout,
        prompting=lambda cast: _prompting(cast, turns),
    )
    outcome.took += told.took
    outcome.stopped = told.stopped
    outcome.errors += [f"{line} (did not start)" for line in told.not_well]
    outcome.errors += [f"{host} was called for, and refused: give it a stand-in" for host in told.refused]
    _compare(played, told.played)


def _scene(config: Config, talk: GoldenTalk, own: Sequence[GoldenCheck]) -> Scene:
    user = talk.user
    if any(each.turn.expect.reason != "access" for each in own) and config.access.allow:
        user = allowed_user(config, talk.user)
    says = tuple(ScenarioLine(text=each.turn.text) for each in own)
    return Scene(talk.name, talk.platform, talk.bot, user, talk.group, says)


def _compare(checks: Sequence[GoldenCheck], played: Sequence[Played]) -> None:
    for each in checks:
        each.failed = "it was not played"
    for each, came in zip(checks, played, strict=False):
        each.failed = came.failed
        if came.turn is None or came.failed:
            continue
        each.now = end_of(cast("Json", came.turn))
        each.drifts = list(drifts(each.turn, each.now))
        if not each.drifts and each.now.reply and not any(text.strip() for text in came.got):
            each.failed = "the answer did not come to the phone"


def _prompting(cast: StandIns, turns: Iterator[GoldenCheck]) -> Prompter:
    """Return who lets each model and workflow answer as it did, before each message."""
    models = _simulators(cast, cast.config.providers)
    workflows = {
        name: _simulators(cast, [each for each in cast.named if each.partition("/")[0] == name])
        for name in cast.config.workflows
    }

    def prompt(played: Played) -> None:
        answers = next(turns).turn.answers
        for simulator in {*models, *(each for those in workflows.values() for each in those)}:
            simulator.model.script.clear()
            simulator.faults.set(())
        for answer in answers:
            for simulator in workflows.get(answer.workflow, []) if answer.workflow else models:
                if answer.failed:
                    simulator.faults.set((_REFUSED,))
                else:
                    simulator.script(Scripted(text=answer.text, times=0))

    return prompt


def _simulators(cast: StandIns, names: Iterable[str]) -> list[ModelSimulator]:
    found = (each for name in names for each in cast.named.get(name, ()))
    return [each for each in found if isinstance(each, ModelSimulator)]
