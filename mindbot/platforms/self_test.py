"""The self-test of a bot: steps with one end for all, and the mend that fits a failure.

A setting is blamed for what the vendor refused, the network for what nobody answered.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import urlsplit

import anyio

from mindbot.api.shown import ago
from mindbot.domain.abilities import Check
from mindbot.domain.errors import MindBotError, NetworkFailed, Overloaded, TimedOut
from mindbot.platforms.tokens import Held

LONGEST = 20.0  # seconds for a whole test: somebody waits for it
_LOOK = 0.05  # seconds between two looks at what is to become so

#: Does one step; returns what is told of its success, or its findings.
Work = Callable[[], Awaitable["str | Check | list[Check]"]]


class Lends(Protocol):
    """What makes calls with an access token; see `mindbot.platforms.tokens.AppTokens`."""

    async def token(self) -> str:
        """Return a valid access token; raises VendorError."""

    def held(self, error: MindBotError) -> Held | None:
        """Return how old a refusal is, and for how long nobody asks again."""


def reach(*urls: str) -> str:
    """Return the question whether the hosts of some URLs can be reached from here."""
    hosts: dict[str, str] = {}
    for url in urls:
        parts = urlsplit(url)
        port = parts.port or (80 if parts.scheme in ("http", "ws") else 443)
        hosts[f"{parts.hostname}, port {port}"] = ""
    return f"can this machine reach {' and '.join(hosts)}? proxy, firewall"


#: Failures of the way to a server, whatever the server is.
_NOBODY_THERE = frozenset({"connect", "connect_timeout", "dns"})


def mend_for(error: MindBotError, mend: str, url: str) -> str:
    """Return what mends an error: its own hint, with the network where nobody answered, else ``mend``."""
    if isinstance(error, NetworkFailed) and error.code in _NOBODY_THERE:
        return f"{error.hint}; {reach(url)}" if error.hint else reach(url)
    if error.hint:
        return error.hint
    if isinstance(error, NetworkFailed | TimedOut):
        return reach(url)
    if isinstance(error, Overloaded):
        return f"its servers fail, or a proxy before them: try again later; {reach(url)}"
    return mend


class SelfTest:
    """One test of one bot. What is not done when it ends has failed for want of an answer."""

    def __init__(self, bot: str, url: str, *, seconds: float = 0.0) -> None:
        """``bot`` is PLATFORM/NAME; ``url`` is where its calls go; ``seconds`` are `LONGEST` by default."""
        self.bot = bot
        self.url = url
        self._ends = anyio.current_time() + (seconds or LONGEST)

    async def step(self, name: str, work: Work, mend: str) -> list[Check]:
        """Do one step; ``mend`` is what mends a refusal that brings no hint of its own."""
        with anyio.CancelScope(deadline=self._ends):
            try:
                found = await work()
            except MindBotError as error:
                return [self.failed(name, error, mend)]
            if isinstance(found, list):
                return found
            return [Check(name, "ok", found) if isinstance(found, str) else found]
        return [Check(name, "failed", "no answer", reach(self.url))]

    def failed(self, name: str, error: MindBotError, mend: str, *, url: str = "") -> Check:
        """Return a failure with the mend that fits it."""
        return Check(name, "failed", error.message, mend_for(error, mend, url or self.url))

    async def token(self, name: str, app: Lends, mend: str) -> list[Check]:
        """Ask for an access token. A refusal that is only remembered says so: nothing was asked just now."""

        async def ask() -> str | Check:
            began = time.monotonic()
            try:
                await app.token()
            except MindBotError as error:
                held = app.held(error)
                if held is None or held.since <= time.monotonic() - began:
                    raise
                remembered = f"refused {ago(held.since)} ago, not asked again for {ago(math.ceil(held.left))}"
                at_once = f"`mindbot platform restart {self.bot}` asks at once"
                return Check(
                    name,
                    "failed",
                    f"{error.message}; {remembered}",
                    f"{mend_for(error, mend, self.url)}; {at_once}",
                )
            return ""

        return await self.step(name, ask, mend)

    async def together(self, *steps: Awaitable[list[Check]]) -> list[Check]:
        """Do steps that do not need each other side by side; what they found stays in their order."""
        found: list[list[Check]] = [[] for _ in steps]

        async def do(n: int, step: Awaitable[list[Check]]) -> None:
            found[n] = await step

        async with anyio.create_task_group() as tasks:
            for n, step in enumerate(steps):
                tasks.start_soon(do, n, step)
        return [check for row in found for check in row]

    async def until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait for what a mended credential sets going, within the test's end."""
        with anyio.CancelScope(deadline=min(self._ends, anyio.current_time() + seconds)):
            while not ready():  # noqa: ASYNC110 - it belongs to tasks that tell nobody
                await anyio.sleep(_LOOK)


def well(found: list[Check]) -> bool:
    """Tell whether nothing failed."""
    return all(check.state != "failed" for check in found)
