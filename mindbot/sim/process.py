"""Simulators as a process: start all, say where they are, live until a signal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import anyio
import orjson

from mindbot.domain.errors import ConfigError
from mindbot.sim.catalog import create
from mindbot.sim.server import Simulator


def run(
    names: Sequence[str],
    port_base: int,
    *,
    faults: Sequence[str] = (),
    seed: int = 0,
    own: Mapping[str, Mapping[str, Any]] | None = None,
    **settings: Any,
) -> None:
    """Run the simulators until SIGTERM or SIGINT.

    With a ``port_base`` they get consecutive ports in the order named. Each fault goes to all that know it.
    ``settings`` are those they all share (`SimulatorSettings`), ``own`` those of one, by its name.

    Raises:
        NotFound: no simulator has that name.
        ConfigError: a fault cannot be read, or a port cannot be bound.
    """
    simulators = [
        create(
            name, port=port_base + i if port_base else 0, seed=seed, **settings, **(own or {}).get(name, {})
        )
        for i, name in enumerate(names)
    ]
    for simulator, shared in zip(simulators, _share(simulators, faults), strict=True):
        simulator.faults.set(shared, seed)
    anyio.run(_serve, simulators, backend_options={"use_uvloop": sys.platform != "win32"})


def _share(simulators: Sequence[Simulator], specs: Sequence[str]) -> list[list[str]]:
    """Return each simulator's faults; raises ConfigError when nobody knows one."""
    shares: list[list[str]] = [[] for _ in simulators]
    for spec in specs:
        reasons = []
        for simulator, share in zip(simulators, shares, strict=True):
            try:
                simulator.faults.parse(spec)
            except ConfigError as exc:
                reasons.append(f"{simulator.name}: {exc}")
            else:
                share.append(spec)
        if len(reasons) == len(simulators):
            raise ConfigError(f"cannot use fault {spec!r}", hint="; ".join(reasons))
    return shares


async def _serve(simulators: Sequence[Simulator]) -> None:
    async with AsyncExitStack() as stack:
        # Signals are caught before anybody can know that we run.
        signals = stack.enter_context(anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT))
        for simulator in simulators:
            await stack.enter_async_context(simulator)
        ready = {simulator.name: simulator.details() for simulator in simulators}
        sys.stdout.buffer.write(orjson.dumps(ready) + b"\n")
        sys.stdout.flush()
        async for _ in signals:
            return
