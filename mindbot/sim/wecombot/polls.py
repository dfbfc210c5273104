"""Webhook mode: what users and the platform do with an answer that grows: it is polled for.

Source: WeCom developer centre, "Passive reply" of AI bots (path/101031): polls until the end or six minutes
after the message, at most three unfinished answers of a user at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup

from mindbot.domain.message import Json
from mindbot.sim.faults import Faults
from mindbot.sim.wecombot.checks import Refused
from mindbot.sim.wecombot.hook import Called, Hook
from mindbot.sim.wecombot.people import People
from mindbot.sim.wecombot.screens import Screens


@dataclass(frozen=True, slots=True)
class PollRules:
    """``every`` seconds a poll, for ``lifetime`` seconds after the message; ``open`` answers of one user."""

    every: float = 1.0
    lifetime: float = 360.0
    open: int = 3


class Polls:
    """Carries out callbacks whose answers are streams."""

    def __init__(
        self,
        hook: Hook,
        people: People,
        screens: Screens,
        rules: PollRules,
        faults: Faults,
        counters: Counter[str],
        clock: Callable[[], float],
        tasks: TaskGroup,
    ) -> None:
        self._hook = hook
        self._people = people
        self._screens = screens
        self.rules = rules
        self._faults = faults
        self._counters = counters
        self._clock = clock
        self._tasks = tasks
        self._open: defaultdict[str, Counter[str]] = defaultdict(Counter)  # user → message → callbacks
        self._closed = anyio.Event()

    async def say(self, url: str, body: Json, *, persistent: float = 0.0) -> Called:
        """Deliver a message. A user who waits for three answers already waits before asking for a fourth."""
        user, group, msgid = body["from"]["userid"], str(body.get("chatid", "")), str(body["msgid"])
        while len(self._open[user]) >= self.rules.open and msgid not in self._open[user]:
            self._counters["held"] += 1
            await self._closed.wait()
        self._open[user][msgid] += 1
        asked = self._clock()
        called = await self._hook.call(url, body, persistent=persistent)
        if called.acked and self._draw(called, group or user, bool(group)) is False:
            stream = str(called.reply["stream"]["id"])
            self._tasks.start_soon(self._poll, url, user, group, stream, asked, msgid)
        else:
            self._end(user, msgid)
        return called

    async def _poll(self, url: str, user: str, group: str, stream: str, asked: float, msgid: str) -> None:
        try:
            while True:
                await anyio.sleep(self.rules.every)
                if self._clock() - asked > self.rules.lifetime or self._struck("stream-expiry"):
                    self._counters["polls.expired"] += 1
                    return
                self._counters["polls"] += 1
                called = Called("")
                await self._hook.attempt(url, self._people.poll(user, stream, group), called, "poll")
                if called.acked and self._draw(called, group or user, bool(group)):
                    self._counters["polls.finished"] += 1
                    return
        finally:
            self._end(user, msgid)

    def _end(self, user: str, msgid: str) -> None:
        messages = self._open[user]
        messages[msgid] -= 1
        if not messages[msgid]:
            del messages[msgid]
        self._closed.set()
        self._closed = anyio.Event()

    def _draw(self, called: Called, screen: str, group: bool) -> bool | None:
        """Show a reply; returns whether its stream has ended, None where there is none."""
        reply = called.reply
        if not reply:
            return None
        try:
            if reply.get("msgtype") in ("stream", "stream_with_template_card"):
                return self._screens.stream(screen, reply, polled=True).finished
            kinds = frozenset({"template_card", "text"})
            self._screens.message(screen, reply, group=group, via="reply", kinds=kinds)
        except Refused as refused:
            called.error = f"bad reply: {refused}"
            self._counters["bad_replies"] += 1
        return None

    def _struck(self, kind: str) -> bool:
        return bool(self._faults) and self._faults.strike("poll", kind) is not None
