"""Webhook mode: what users and the platform do with an answer that grows: it is polled for.

Source: WeCom developer centre, "Passive reply" of AI bots (path/101031): polls until the end or six minutes
after the message, at most three unfinished answers of a user at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup

from mindbot.domain.message import Json
from mindbot.sim.faults import Faults
from mindbot.sim.wecombot.checks import Refused
from mindbot.sim.wecombot.hook import Called, Hook
from mindbot.sim.wecombot.people import CallbackBuilder
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
        people: CallbackBuilder,
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
        self._held: defaultdict[str, deque[tuple[str, anyio.Event]]] = defaultdict(deque)  # oldest first

    async def say(self, url: str, body: Json, *, persistent: float = 0.0) -> Called:
        """Deliver a message. A user who waits for three answers already waits before asking for a fourth."""
        user, group, msgid = body["from"]["userid"], str(body.get("chatid", "")), str(body["msgid"])
        await self._begin(user, msgid)
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

    async def _begin(self, user: str, msgid: str) -> None:
        """Wait behind the messages of the user that wait already, and take a place."""
        messages, held = self._open[user], self._held[user]
        if msgid in messages or (len(messages) < self.rules.open and not held):
            messages[msgid] += 1
            return
        self._counters["held"] += 1
        waiting = (msgid, anyio.Event())
        held.append(waiting)
        try:
            await waiting[1].wait()
        except BaseException:
            if waiting[1].is_set():
                self._end(user, msgid)
            else:
                held.remove(waiting)
            raise

    def _end(self, user: str, msgid: str) -> None:
        messages, held = self._open[user], self._held[user]
        messages[msgid] -= 1
        if not messages[msgid]:
            del messages[msgid]
        while held and len(messages) < self.rules.open:  # the place is taken for who waited longest
            following, go = held.popleft()
            messages[following] += 1
            go.set()

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
