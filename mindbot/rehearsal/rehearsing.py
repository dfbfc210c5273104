"""One rehearsal: the simulators, a runtime of its own between them, the conversations, and its end."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio

from mindbot.config.load import Loaded
from mindbot.domain.errors import MindBotError
from mindbot.rehearsal.loopback import only_loopback
from mindbot.rehearsal.playing import Played, Players, Prompter, Scene, before_play
from mindbot.rehearsal.scenario import FaultSpecs
from mindbot.rehearsal.stand_ins import StandIns, standing_in
from mindbot.runtime.app import Runtime
from mindbot_daemon.webhooks import PublicListener, path_of

#: Returns who tells the stand-ins what to answer.
Prompting = Callable[[StandIns], Prompter]

_HELLO = 10.0  # seconds a bot may take to be connected
_LOOK_EVERY = 0.02  # seconds
_END = 5.0  # seconds for what is open to end


@dataclass(slots=True)
class RehearsalOutcome:
    """What a rehearsal came to. ``took`` is seconds; ``refused`` are hosts that were called for, in vain;
    ``not_well`` are bots that did not start, each with the reason; ``matched`` is how often each rule did."""

    played: list[Played] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    not_well: list[str] = field(default_factory=list)
    matched: dict[str, int] = field(default_factory=dict)
    took: float = 0.0
    stopped: int = 0  # the signal that ended it before its time


def rehearse(
    loaded: Loaded,
    scenes: Sequence[Scene],
    faults: Mapping[str, FaultSpecs],
    *,
    timeout: float,
    prompting: Prompting | None = None,
) -> RehearsalOutcome:
    """Play the scenes with a configuration, in a temporary folder, for ``timeout`` seconds at most.

    ``prompting`` makes a prompter of the stand-ins: what is said then follows each other.

    Raises:
        ConfigError: a fault is none of its simulator's, or the configuration cannot be run.
        MindBotError: the runtime could not start.
    """
    outcome = RehearsalOutcome()
    begun = time.monotonic()
    with only_loopback() as guard, tempfile.TemporaryDirectory(prefix="mindbot-rehearsal-") as folder:
        try:
            anyio.run(_run, loaded, scenes, faults, timeout, prompting, Path(folder), outcome)
        except BaseExceptionGroup as group:  # what task groups make of an error
            known = group.subgroup(MindBotError)
            if known is None:
                raise
            raise _first(known) from group
    outcome.refused = guard.refused
    outcome.took = time.monotonic() - begun
    return outcome


def _first(group: BaseExceptionGroup[MindBotError]) -> MindBotError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


async def _run(
    loaded: Loaded,
    scenes: Sequence[Scene],
    faults: Mapping[str, FaultSpecs],
    timeout: float,
    prompting: Prompting | None,
    folder: Path,
    outcome: RehearsalOutcome,
) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as group:

            async def stop() -> None:
                async for number in signals:
                    outcome.stopped = number
                    group.cancel_scope.cancel()
                    return

            group.start_soon(stop)
            async with standing_in(loaded.config) as cast:
                outcome.left_out = cast.left_out
                cast.fail(faults)
                async with _stage(replace(loaded, config=cast.config), folder) as (runtime, listener):
                    prompter = prompting(cast) if prompting else None
                    await _play(runtime, listener, cast, scenes, timeout, prompter, outcome)
            group.cancel_scope.cancel()


@asynccontextmanager
async def _stage(loaded: Loaded, folder: Path) -> AsyncIterator[tuple[Runtime, PublicListener]]:
    """Run a runtime and its public ports, as the daemon does, on this machine alone."""
    async with Runtime.open(loaded, folder) as runtime, anyio.create_task_group() as group:
        listener = PublicListener(group, runtime.receive)
        await listener.bind(runtime.webhooks())
        try:
            yield runtime, listener
        finally:
            with anyio.move_on_after(_END, shield=True):
                await runtime.drain(_END)
                await listener.close()
            group.cancel_scope.cancel()


async def _play(
    runtime: Runtime,
    listener: PublicListener,
    cast: StandIns,
    scenes: Sequence[Scene],
    timeout: float,
    prompter: Prompter | None,
    outcome: RehearsalOutcome,
) -> None:
    callbacks = {
        (each.name, each.bot): "http://{}:{}".format(*listener.bound[each.host, each.port]) + path_of(each)
        for each in runtime.webhooks()
    }
    players = Players(runtime, cast.bots, lambda *bot: callbacks.get(bot, ""), timeout)
    outcome.played = before_play(scenes)
    with anyio.move_on_after(timeout):
        outcome.not_well = await _connected(runtime)
        await players.play(outcome.played, prompter)
    outcome.matched = {rule.name: rule.matched for rule in runtime.generation.router.rules.all}


async def _connected(runtime: Runtime) -> list[str]:
    """Wait until every bot is well; returns a line for each that is not."""

    def ill() -> list[str]:
        bots = [each for each in runtime.resources.about.health() if each["component"].startswith("bot ")]
        return [f"{b['component']}: {b['reason'] or b['state']}" for b in bots if b["state"] != "ok"]

    with anyio.move_on_after(_HELLO):
        while ill():  # noqa: ASYNC110 - the board is looked at
            await anyio.sleep(_LOOK_EVERY)
    return ill()
