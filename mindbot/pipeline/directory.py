"""What was learned of people lately, in memory: the directory behind it is slow, limited, or down.

It asks once for many who want to know the same, and leaves alone what is down. What outlives a restart a
platform keeps behind it, see `mindbot.platforms.profiles`.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import cast

import anyio

from mindbot.domain.errors import ConfigError, MindBotError, Rejected
from mindbot.domain.shapes.turns import PersonJson

_KEPT = 20_000  # people; the longest unused are forgotten first
_DOWN = 3  # failures in a row after which a bot's directory is left alone

Person = tuple[str, str, str]  # platform, bot, id
Ask = Callable[[str], Awaitable[PersonJson]]


@dataclass(frozen=True, slots=True)
class Found:
    """What the directory says, or why it says nothing: it failed (``error``), or is not set up (``unset``).
    ``cached`` when it was not asked now."""

    user: PersonJson = field(default_factory=PersonJson)
    error: str = ""
    unset: str = ""
    cached: bool = False


class Directory:
    """Asks once for many who want to know the same. Times are seconds."""

    def __init__(
        self, *, timeout: float, keep: float, retry: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._timeout = timeout
        self._keep = keep
        self._retry = retry
        self._clock = clock
        self._known: OrderedDict[Person, tuple[float, Found]] = OrderedDict()  # with its end
        self._asking: dict[Person, anyio.Event] = {}
        self._failures: dict[tuple[str, str], tuple[int, float]] = {}  # by bot: how many, until when

    def known(self, person: Person) -> Found | None:
        """Return what is known of somebody without asking; None when nothing is."""
        ends, found = self._known.get(person, (0.0, None))
        if found is None or ends <= self._clock():
            return None
        self._known.move_to_end(person)
        return found

    async def find(self, person: Person, ask: Ask) -> Found:
        """Return what is known of somebody; never raises, and takes ``timeout`` at most."""
        while True:
            if (found := self.known(person)) is not None:
                return found
            if (others := self._asking.get(person)) is None:
                break
            await others.wait()  # who asks has a deadline
        bot = person[:2]
        count, until = self._failures.get(bot, (0, 0.0))
        if count >= _DOWN and until > self._clock():
            return Found(error=f"not asked: the directory failed {count} times in a row", cached=True)
        self._asking[person] = anyio.Event()
        try:
            return await self._ask(person, ask)
        finally:
            self._asking.pop(person).set()

    async def _ask(self, person: Person, ask: Ask) -> Found:
        bot = person[:2]
        try:
            with anyio.fail_after(self._timeout):
                said = await ask(person[2])
            found = Found(cast("PersonJson", {name: value for name, value in said.items() if value}))
            self._failures.pop(bot, None)
        except ConfigError as error:
            found = Found(unset=str(error))
        except Rejected as error:  # it answers, though not this question
            found = Found(error=str(error))
            self._failures.pop(bot, None)
        except Exception as error:  # noqa: BLE001 - also an adapter's bug costs the details, not the answer
            found = Found(error=self._why(error))
            self._failures[bot] = self._failures.get(bot, (0, 0.0))[0] + 1, self._clock() + self._retry
        keep = self._retry if found.error or found.unset else self._keep
        self._known[person] = self._clock() + keep, replace(found, cached=True)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return found

    def _why(self, error: Exception) -> str:
        if isinstance(error, MindBotError):
            return str(error)
        if isinstance(error, TimeoutError):
            return f"no answer in {self._timeout:g}s"
        return f"internal: {type(error).__name__}: {error}"
