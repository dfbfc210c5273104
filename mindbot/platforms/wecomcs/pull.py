"""Reading an account's messages with a cursor that is committed together with them.

Source: WeCom developer centre, "Receiving messages and events" (path/94670): the callback only says that
there is something; messages stay for three days, so none is lost while the cursor is never
ahead of the inbox.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import structlog

from mindbot.domain import fields
from mindbot.domain.errors import AuthFailed, MindBotError, Overloaded, RateLimited, Rejected
from mindbot.domain.host import Keep
from mindbot.domain.message import Json, Message
from mindbot.platforms.clocks import timer_of
from mindbot.platforms.wecom_shared.api import Api
from mindbot.platforms.wecom_shared.errors import NoAnswer
from mindbot.platforms.wecomcs import pages, wire
from mindbot.platforms.wecomcs.budget import Budget
from mindbot.platforms.wecomcs.read_place import ReadPlace, ReadPlaces, cursor_key

log = structlog.get_logger("mindbot.platforms.wecomcs")

_TRIES = 6  # pulls until one entry that cannot be read is passed, or a cursor that is refused is doubted
_AHEAD = 8  # entries behind it that are looked at, whether any can be read
_TOKEN_LIFE = 540.0  # seconds; WeCom takes a callback's token for ten minutes
_GATHERED = 2000  # entries committed at once
_IDLE_PAGES = 8  # without progress and with "more to come", before the rest waits for the next pull
_SOON = 5.0  # seconds to a pull that goes on where one was left
_MAX_WAIT = 60.0
_RUNG_WAIT = 5.0  # seconds after which a ring is followed although pulls fail


def patience(error: Exception, failures: int, backoff: float, *, bare: bool) -> tuple[float, float]:
    """Return how long to wait after so many failures, and how long even if somebody rings (seconds).

    A ring may bring a code that is good for 20 seconds, so it ends the wait; but who rings all the time does
    not have a failing platform asked all the time. ``bare`` calls had no token: their limit is their own, and
    a ring brings a token; any other limit is kept to.
    """
    wait = min(_MAX_WAIT, backoff * 2.0 ** min(failures - 1, 8)) * random.uniform(0.5, 1.0)
    at_least = min(wait, _RUNG_WAIT * backoff)
    if isinstance(error, AuthFailed):
        wait = max(wait, min(_MAX_WAIT, 30 * backoff))
    if isinstance(error, RateLimited):
        wait = max(wait, error.retry_after)
        if not bare:
            at_least = wait
    return wait, at_least


class Account:
    """One customer service account; its own `run` is the only one that pulls it."""

    def __init__(
        self,
        id: str,
        bot: str,
        api: Api,
        keep: Keep,
        budget: Budget,
        clock: Callable[[], float],
        *,
        interval: float,
        first: float,
        since: Callable[[], float] = lambda: 0.0,
        knows: Callable[[], float] = lambda: 0.0,
        told: Callable[[str, MindBotError | None], None],
        backoff: float = 1.0,
    ) -> None:
        """``interval`` seconds without a callback it is pulled anyway; the first pull of all skips what is
        older than ``first`` seconds, each what was said before ``since`` (Unix seconds). ``knows`` returns
        since when the inbox recognises what came before. ``told`` hears how each pull went."""
        self.id = id
        self._bot = bot
        self._api = api
        self._keep = keep
        self._budget = budget
        self._clock = clock
        self._timer = timer_of(clock)
        self._places = ReadPlaces(id, keep, clock, first, knows)
        self._interval = interval
        self._since = since
        self._told = told
        self._backoff = backoff
        self._rung = anyio.Event()
        self._mended = anyio.Event()
        self._token, self._token_ends = "", 0.0
        self._bare = True  # the last call had no token
        self._limit = pages.LARGEST
        self._ended = ("", 0)  # how pulls end that come no further, and how often in a row
        self.name = ""
        self.pulled = 0.0  # Unix seconds of the last whole pull
        self.messages = self.pulls = self.rings = self.skipped = self.unread = 0

    @property
    def lost(self) -> int:
        """How often the place up to which it was read was lost."""
        return self._places.lost

    def ring(self, token: str) -> None:
        """A callback came: pull soon, with its token."""
        self.rings += 1
        if token:
            self._token, self._token_ends = token, self._timer() + _TOKEN_LIFE
        self._rung.set()

    def again(self) -> None:
        """What made pulls fail is mended: the next one waits no longer."""
        self._mended.set()
        self._rung.set()

    async def run(self) -> None:
        """Pull at the start, at every ring and by the timer, until cancelled."""
        failures = 0
        while True:
            self._rung, self._mended = anyio.Event(), anyio.Event()
            try:
                wait, at_least = self._interval if await self._pull() else min(self._interval, _SOON), 0.0
                failures = 0
                self._told(self.id, None)
            except MindBotError as error:
                failures += 1
                self._told(self.id, error)
                log.warning("pull failed", account=self.id, error=str(error))
                wait, at_least = patience(error, failures, self._backoff, bare=self._bare)
            except Exception as error:  # a mistake of ours must not end the other accounts
                failures += 1
                said = f"the pull broke: {type(error).__name__}: {error}"
                self._told(self.id, MindBotError(said, hint="this is a defect; the log has its place"))
                log.exception("pull broke", account=self.id)
                wait, at_least = patience(error, failures, self._backoff, bare=self._bare)
            with anyio.move_on_after(at_least):
                await self._mended.wait()
            with anyio.move_on_after(wait - at_least):
                await self._rung.wait()

    async def _pull(self) -> bool:
        """Take all pages, committed with the cursor behind them; false where they lead nowhere just now.

        Pages are gathered as far as memory allows: what a customer wrote while nobody pulled is then answered
        together, in one of the five messages that are left, and not page by page.
        """
        place = await self._places.get()
        more = True
        while more:
            gathered, cursor, more, error = await self._gather(place.cursor)
            # Until the end was reached once, what is older than the first start stays unanswered.
            following = ReadPlace(cursor, place.since if more or error else 0.0)
            await self._commit(gathered, following, place)
            if error is not None:
                await self._doubt(error, cursor)
                raise error
            if more and cursor == place.cursor:
                if self._again(f"nowhere from {cursor}") >= _TRIES:
                    told = "the vendor's side; the messages stay there for three days"
                    raise Overloaded("kf/sync_msg: more is told of, and no page leads to it", hint=told)
                return False
            place = following
        self.pulled = time.time()
        self._ended = ("", 0)
        return True

    def _again(self, how: str) -> int:
        """Return how many pulls in a row ended like this one."""
        self._ended = (how, self._ended[1] + 1 if self._ended[0] == how else 1)
        return self._ended[1]

    async def _doubt(self, error: MindBotError, cursor: str) -> None:
        """Ask without a cursor when pulls with it are refused again and again: it may be what is refused."""
        if not isinstance(error, Rejected) or pages.smaller_helps(error) or not cursor:
            return
        if self._again(f"refused at {cursor}") < _TRIES:
            return
        try:
            await self._ask("", self._limit)
        except MindBotError:
            return  # it is not
        await self._places.again(f"WeCom does not take it: {error.message}")

    async def _gather(self, cursor: str) -> tuple[list[Any], str, bool, MindBotError | None]:
        """Return the entries of some pages, the cursor behind them, whether there is more, what failed."""
        gathered: list[Any] = []
        idle = 0
        while True:
            try:
                page = await self._page(cursor)
            except MindBotError as error:
                return gathered, cursor, True, error
            self.pulls += 1
            gathered += page.entries
            following = page.cursor or cursor
            # A page may be empty with more to come; one that leads nowhere is not asked for without end.
            idle = 0 if following != cursor else idle + 1
            cursor = following
            if not page.more:
                return gathered, cursor, False, None
            if idle >= _IDLE_PAGES or len(gathered) >= _GATHERED:
                return gathered, cursor, True, None
            if idle > 1:
                await anyio.sleep(min(1.0, 0.01 * 2**idle))

    async def _page(self, cursor: str) -> pages.Page:
        """Return the page behind a cursor; a smaller one where it cannot be read as it came.

        Raises:
            VendorError: there is none, or its only entry cannot be read. After some tries that one is passed,
                if others can be: what breaks every page is no entry's fault, and WeCom keeps them for then.
        """
        while True:
            try:
                page = await self._read(cursor, self._limit)
            except pages.Broken as error:
                broken = error
            except MindBotError as error:
                if pages.smaller_helps(error):
                    self._limit = pages.smaller(self._limit)
                raise
            else:
                self._limit = pages.larger(self._limit)
                return page
            if self._limit > 1:
                self._limit = pages.smaller(self._limit)
                continue
            if self._again(f"broken at {cursor}") < _TRIES or broken.cursor in ("", cursor):
                raise broken
            if not await self._reads_behind(broken.cursor):
                raise broken
            with suppress(pages.Broken):  # what broke them all may have ended meanwhile
                return await self._read(cursor, 1)
            log.warning("an entry is passed: it cannot be read", account=self.id, said=broken.said[:500])
            return pages.Page([broken.said], broken.cursor, True)

    async def _reads_behind(self, cursor: str) -> bool:
        """Whether any of the next entries can be read; where there is none yet, nobody waits for that."""
        for _ in range(_AHEAD):
            try:
                page = await self._read(cursor, 1)
                following = page.cursor
                if page.entries:
                    return True
            except pages.Broken as error:
                following = error.cursor
            except (AuthFailed, RateLimited):
                raise
            except MindBotError:
                return False
            if following in ("", cursor):
                return False
            cursor = following
        return False

    async def _read(self, cursor: str, limit: int) -> pages.Page:
        """Return the page behind a cursor; one cut behind as many entries as were asked for is whole.

        Raises:
            VendorError: there is none; `pages.Broken`: it cannot be read.
        """
        try:
            return pages.of(await self._ask(cursor, limit), cursor)
        except NoAnswer as error:
            try:
                return pages.in_spite_of(error, cursor)
            except pages.Broken as broken:
                if len(broken.entries) < limit or broken.cursor in ("", cursor):
                    raise
                return pages.Page(broken.entries, broken.cursor, True)

    async def _ask(self, cursor: str, limit: int) -> Json:
        body: Json = {"open_kfid": self.id, "limit": limit, "voice_format": 0}
        if cursor:
            body["cursor"] = cursor
        if token := self._usable_token():
            self._bare = False
            try:
                return await self._api.post("kf/sync_msg", body | {"token": token})
            except Rejected as error:
                if error.code != "95007":
                    raise
            if self._token == token:  # the next callback's is good
                self._token = ""
        self._bare = True
        # At once, though such calls are limited more strictly, and by a limit of their own.
        return await self._api.post("kf/sync_msg", body, limit="kf/sync_msg without a token")

    def _usable_token(self) -> str:
        return self._token if self._timer() < self._token_ends else ""

    async def _commit(self, entries: list[Any], place: ReadPlace, before: ReadPlace) -> None:
        """Put entries into the inbox, with the place behind them and the budgets that they renew."""
        since = max(before.since, float(int(self._since())))  # WeCom tells whole seconds
        fresh = [e for e in entries if _sent_at(e) >= since or not _sent_at(e)]
        self.skipped += len(entries) - len(fresh)
        if not fresh and place == before:
            return
        now = self._clock()
        # No page promises an order: times decide, and the list where they are equal.
        ordered = sorted(fresh, key=_sent_at)
        messages = [self._message(entry, now) for entry in ordered]
        renewing = [m for m in messages if m.kind != "event"]
        async with self._budget.renewing(self.id, renewing) as renewed:
            values = {cursor_key(self.id): place.to_json(), **renewed.values}
            await self._keep.receive(messages, values, ttl=renewed.ttl)
        self.messages += len(messages)

    def _message(self, entry: Any, now: float) -> Message:
        """Return the message of an entry; one that stops us would stop the account for three days."""
        if isinstance(entry, dict):
            try:
                return wire.to_message(entry, bot=self._bot, received=now)
            except Exception:
                log.exception("an entry cannot be read", account=self.id, msgid=str(entry.get("msgid"))[:64])
        else:
            log.warning("an entry is no object", account=self.id, entry=repr(entry)[:200])
        self.unread += 1
        return wire.kept(entry, bot=self._bot, account=self.id, received=now)


def _sent_at(entry: Any) -> float:
    return wire.sent_at(fields.mapping(entry))
