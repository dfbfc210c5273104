"""What every user sees on their phone, in order."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import takewhile

import anyio

from mindbot.domain.errors import TimedOut
from mindbot.domain.message import Json

_KEPT = 10_000  # messages kept for each user
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """One message on a phone. ``text`` is its readable part, ``body`` the object the bot sent.

    ``via`` says how it came: ``send``, ``reply`` (the answer to a callback), ``session``, ``card``; ``at`` is
    in the clock's seconds.
    """

    user: str
    msgid: str
    msgtype: str
    text: str
    body: Json
    via: str
    at: float

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


Watcher = Callable[[ShownMessage], None]


class Phones:
    """All phones. User ids that differ only in case are the same user, as on the platform."""

    def __init__(self, clock: Callable[[], float], counters: Counter[str]) -> None:
        self._clock = clock
        self._counters = counters
        self._screens: dict[str, deque[ShownMessage]] = {}
        self._watchers: list[Watcher] = []

    def show(
        self,
        user: str,
        *,
        msgid: str,
        msgtype: str,
        text: str,
        body: Json,
        via: str = "send",
        tell: bool = True,
    ) -> None:
        """Put a message on a user's screen and ``tell`` the watchers."""
        shown = ShownMessage(user.lower(), msgid, msgtype, text, body, via, self._clock())
        self.join(user)
        self._screens[shown.user].append(shown)
        self._counters["shown"] += 1
        for watcher in tuple(self._watchers) if tell else ():
            watcher(shown)

    def change(self, user: str, msgid: str, text: str, body: Json, *, tell: bool = False) -> None:
        """Change a message on a screen, as a card does while it is written; ``tell`` the watchers of it."""
        screen = self._screens.get(user.lower(), deque())
        for n, shown in enumerate(screen):
            if shown.msgid == msgid:
                screen[n] = replace(shown, text=text, body=body)
                for watcher in tuple(self._watchers) if tell else ():
                    watcher(screen[n])

    def remove(self, user: str, msgid: str) -> None:
        """Take a message off a screen: it was recalled."""
        screen = self._screens.get(user.lower(), deque())
        for shown in [each for each in screen if each.msgid == msgid]:
            screen.remove(shown)

    def join(self, user: str) -> None:
        """Make a user known, as anybody is who wrote to the application."""
        if user.lower() not in self._screens:
            self._screens[user.lower()] = deque(maxlen=_KEPT)

    def inbox(self, user: str) -> list[ShownMessage]:
        """Return what a user sees, oldest first."""
        return list(self._screens.get(user.lower(), ()))

    def users(self) -> dict[str, int]:
        """Return every known user, with the number of messages on the screen."""
        return {user: len(screen) for user, screen in self._screens.items()}

    def shown_lately(self, user: str) -> int:
        """Return how many messages a user got within the last minute."""
        since = self._clock() - _MINUTE
        newest_first = reversed(self._screens.get(user.lower(), ()))
        return sum(1 for _ in takewhile(lambda shown: shown.at > since, newest_first))

    @contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Call ``watcher`` for everything shown while the block runs."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)

    async def wait(self, user: str, count: int = 1, timeout: float = 10.0) -> list[ShownMessage]:
        """Return the inbox once it holds ``count`` messages; ``timeout`` is in seconds.

        Raises:
            TimedOut: it never did.
        """
        enough = anyio.Event()

        def look(_: ShownMessage) -> None:
            if len(self.inbox(user)) >= count:
                enough.set()

        with self.watched(look), anyio.move_on_after(timeout):
            if len(self.inbox(user)) < count:
                await enough.wait()
        inbox = self.inbox(user)
        if len(inbox) < count:
            raise TimedOut(f"{user} sees {len(inbox)} messages, not {count}, after {timeout:g}s")
        return inbox

    def clear(self) -> None:
        """Empty all screens."""
        self._screens.clear()
