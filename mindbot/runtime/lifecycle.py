"""Starts components in parallel as soon as what they need is there, and stops them in the other order."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio

from mindbot.domain.shapes.daemon import ComponentJson
from mindbot.telemetry.redaction import told


class HealthBoard:
    """How each component is: ok, starting, degraded or failed, why, and since when (Unix seconds)."""

    def __init__(self, on_change: Callable[[str, str, str], None] | None = None) -> None:
        self._states: dict[str, tuple[str, str, float]] = {}
        self._said: dict[str, tuple[str, str]] = {}  # by the component itself
        self._doubts: dict[str, str] = {}
        self._on_change = on_change
        self._left_out: set[str] = set()

    def report(self, component: str, state: str, reason: str = "") -> None:
        """Note a component's state; saying the same again changes nothing. The reason is masked (`told`)."""
        self._said[component] = state, told(reason)
        self._settle(component)

    def doubt(self, component: str, reason: str) -> None:
        """Let one that says it is ok be seen as degraded, for what others know of it; an empty reason ends
        that. What is not known changes nothing."""
        if component in self._said and self._doubts.get(component, "") != reason:
            self._doubts[component] = told(reason)
            self._settle(component)

    def _settle(self, component: str) -> None:
        state, reason = self._said[component]
        if state == "ok" and (doubt := self._doubts.get(component)):
            state, reason = "degraded", doubt
        known = self._states.get(component)
        if known is not None and known[:2] == (state, reason):
            return
        since = known[2] if known is not None and known[0] == state else time.time()
        self._states[component] = (state, reason, since)
        if self._on_change is not None:
            self._on_change(component, state, reason)

    def forget(self, component: str) -> None:
        """Drop a component that no longer exists."""
        for known in (self._states, self._said, self._doubts):
            known.pop(component, None)

    def forget_all(self, beginning: str) -> None:
        """Drop those whose names begin so: how they are is told anew."""
        for component in [name for name in self._states if name.startswith(beginning)]:
            self.forget(component)

    def leave_out(self, parts: Mapping[str, str]) -> None:
        """Note the parts that a configuration does without, with why; nothing is left of those before."""
        for part in self._left_out - parts.keys():
            self.forget(part)
        for part, why in parts.items():
            self.report(part, "failed", why)
        self._left_out = set(parts)

    def state(self, component: str) -> str:
        """Return a component's state, or an empty text."""
        return self._states.get(component, ("",))[0]

    def since(self, component: str) -> float:
        """Return since when (Unix seconds) it is so, 0 for an unknown one."""
        known = self._states.get(component)
        return known[2] if known else 0.0

    def reason(self, component: str) -> str:
        """Return why it is so."""
        known = self._states.get(component)
        return known[1] if known else ""

    def list(self) -> list[ComponentJson]:
        """Return all components, by name."""
        return [
            {"component": name, "state": state, "reason": reason, "since": since}
            for name, (state, reason, since) in sorted(self._states.items())
        ]


@dataclass(slots=True)
class RuntimePart:
    """``open`` is entered when everything in ``needs`` has been, and left before any of them is."""

    name: str
    open: Callable[[], AbstractAsyncContextManager[object]]
    needs: tuple[str, ...] = ()
    started: anyio.Event = field(default_factory=anyio.Event)
    stop: anyio.Event = field(default_factory=anyio.Event)
    stopped: anyio.Event = field(default_factory=anyio.Event)


@asynccontextmanager
async def beside(*tasks: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run tasks beside the block, and end them with it."""
    async with anyio.create_task_group() as group:
        for task in tasks:
            group.start_soon(task)
        yield
        group.cancel_scope.cancel()


@asynccontextmanager
async def running(components: list[RuntimePart], health: HealthBoard) -> AsyncIterator[None]:
    """Run the components for the length of the block; raises the first failure."""
    by_name = {c.name: c for c in components}
    unknown = {need for c in components for need in c.needs} - by_name.keys()
    assert not unknown, f"components that do not exist: {unknown}"

    async def serve(component: RuntimePart) -> None:
        for need in component.needs:
            await by_name[need].started.wait()
        health.report(component.name, "starting")
        try:
            async with component.open():
                if health.state(component.name) == "starting":
                    health.report(component.name, "ok")
                component.started.set()
                await component.stop.wait()
        finally:
            component.stopped.set()

    async def stop(component: RuntimePart) -> None:
        for other in components:
            if component.name in other.needs:
                await other.stopped.wait()
        component.stop.set()

    async with anyio.create_task_group() as tasks:
        for component in components:
            tasks.start_soon(serve, component)
        for component in components:
            await component.started.wait()
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                async with anyio.create_task_group() as stopping:
                    for component in components:
                        stopping.start_soon(stop, component)
                for component in components:
                    await component.stopped.wait()
