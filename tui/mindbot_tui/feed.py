"""Keeps the state up to date: the event stream, lists where the stream broke off, the daemon's numbers.

Events go from the socket into the state in batches. No widget is touched and no message posted: a timer of
the app's draws what has changed.
"""

from __future__ import annotations

from contextlib import aclosing, suppress

import anyio

from mindbot.api import calls, debug_calls
from mindbot.api.stream import Batch, Connected, Disconnected, Gap, Reset
from mindbot.domain.errors import Forbidden, MindBotError, NotFound
from mindbot_tui.daemon import Daemon
from mindbot_tui.state.console import ConsoleState
from mindbot_tui.state.stops import stop_of

PAGE = 1000  # turns in one list
PAGES = 5  # lists read at most when the console was away
RETRY = 0.5  # seconds until a list that failed is asked for again
HEAL = 2.0  # seconds between lists while the stream has gaps
STATUS = 5.0  # seconds between questions for what the stream does not tell


class Feed:
    """Run `run` for as long as the console is open."""

    def __init__(self, state: ConsoleState, api: Daemon) -> None:
        self._state = state
        self._api = api
        self._stale = anyio.Event()
        self._status_stale = anyio.Event()

    def list_again(self) -> None:
        """Read the turns from the daemon's store again."""
        self._stale.set()

    def status_again(self) -> None:
        """Ask for the daemon's numbers, and for our role, now: a refusal was not expected."""
        self._status_stale.set()

    async def run(self) -> None:
        """Follow the daemon, through its restarts, until cancelled."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._keep_listed)
            group.start_soon(self._keep_status)
            while True:
                try:
                    await self._follow()
                except MindBotError as error:
                    self._state.detach(error.message, error.hint)
                await anyio.sleep(RETRY)

    async def _follow(self) -> None:
        state = self._state
        async with aclosing(self._api.stream()) as updates:
            async for update in updates:
                match update:
                    case Batch(found):
                        state.apply(found)
                    case Gap(count):
                        state.link.gap(count)
                        state.note(
                            "warn",
                            "{count} events lost on their way here; listing again",
                            count=f"{count:,}",
                        )
                        self._stale.set()
                    case Reset():
                        state.note("warn", "the daemon was started again; listing again")
                        self._stale.set()
                    case Connected():
                        self._attached()
                    case Disconnected(reason):
                        state.detach(reason)
                        state.note("bad", "detached: {reason}", reason=reason)

    def _attached(self) -> None:
        link = self._state.link
        link.attach()
        away = f"{link.away:.1f}s"
        self._state.note("ok", "attached again after {away}" if link.away else "attached", away=away)
        self._status_stale.set()  # how the daemon is by now
        self._state.changes += 1
        self._stale.set()

    # --- lists

    async def _keep_listed(self) -> None:
        while True:
            await self._stale.wait()
            self._stale = anyio.Event()
            try:
                await self._list()
            except MindBotError as error:
                if self._state.link.attached:
                    self._state.note("bad", "cannot list turns: {reason}", reason=error.message)
                    self._stale.set()
                await anyio.sleep(RETRY)
            else:
                await anyio.sleep(HEAL if self._state.link.lost else 0)

    async def _list(self) -> None:
        """Read back to where we know the turns already."""
        before = ""
        for _ in range(PAGES if len(self._state.turns) else 1):
            page = await self._api.ask(calls.turns(limit=PAGE, before=before))
            fresh = self._state.turns.merge(turn.to_json() for turn in page)
            self._state.listed = True
            if len(page) < PAGE or fresh < len(page):
                break
            before = page[-1].id
        await self._list_parked()

    async def _list_parked(self) -> None:
        """Read which turns stand still; an older daemon has none, and viewers are not told."""
        with suppress(NotFound, Forbidden):
            found = await self._api.ask(debug_calls.parked())
            self._state.stops.put(map(stop_of, found))
            await self._look_at_intercept()

    async def _look_at_intercept(self) -> None:
        """Forget what stops messages where that has gone: this console was away for long."""
        stops = self._state.stops
        if id := stops.intercepts[1]:
            found = await self._api.ask(debug_calls.breakpoints())
            if all(each.id != id for each in found):
                stops.intercepts = ("", "")

    # --- the daemon's numbers

    async def _keep_status(self) -> None:
        while True:
            state = self._state
            self._status_stale = anyio.Event()
            try:
                state.take_status(await self._api.ask(calls.status()))
            except MindBotError as error:
                if state.link.phase == "connecting":
                    state.detach(error.message, error.hint)
            with anyio.move_on_after(STATUS if state.link.attached else RETRY):
                await self._status_stale.wait()
