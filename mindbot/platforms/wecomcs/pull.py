"""Reading an account's messages with a cursor that is committed together with them.

Source: WeCom developer centre, "Receiving messages and events" (path/94670): the callback only says that
there is something; messages stay for three days, so none is lost while the cursor is never
ahead of the inbox.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import anyio
import structlog

from mindbot.domain import fields
from mindbot.domain.errors import AuthFailed, MindBotError, RateLimited, Rejected
from mindbot.domain.host import Keep
from mindbot.domain.message import Json, Message
from mindbot.platforms.clocks import timer_of
from mindbot.platforms.wecom.api import Api
from mindbot.platforms.wecomcs import wire
from mindbot.platforms.wecomcs.budget import Budget

log = structlog.get_logger("mindbot.platforms.wecomcs")

_PAGE = 1000
_TOKEN_LIFE = 540.0  # seconds; WeCom takes a callback's token for ten minutes
_GATHERED = 2000  # entries committed at once
_IDLE_PAGES = 8  # without progress and with "more to come", before the rest waits for the next pull
_SOON = 5.0  # seconds to a pull that goes on where one was left
_MAX_WAIT = 60.0
_RUNG_WAIT = 5.0  # seconds after which a ring is followed although pulls fail


def cursor_key(account: str) -> str:
    """Return where an account's cursor is kept: ``{"cursor"}``, and ``"since"`` until the first pull ends."""
    return f"cursor:{account}"


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
        told: Callable[[str, MindBotError | None], None],
        backoff: float = 1.0,
    ) -> None:
        """``interval`` seconds without a callback it is pulled anyway; the first pull of all skips what is
        older than ``first`` seconds, each what was said before ``since`` (Unix seconds). ``told`` hears how
        each pull went."""
        self.id = id
        self._bot = bot
        self._api = api
        self._keep = keep
        self._budget = budget
        self._clock = clock
        self._timer = timer_of(clock)
        self._interval = interval
        self._first = first
        self._since = since
        self._told = told
        self._backoff = backoff
        self._rung = anyio.Event()
        self._mended = anyio.Event()
        self._token, self._token_ends = "", 0.0
        self._bare = True  # the last call had no token
        self.name = ""
        self.pulled = 0.0  # Unix seconds of the last whole pull
        self.messages = self.pulls = self.rings = self.skipped = self.unread = 0

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
        kept = await self._keep.get(cursor_key(self.id))
        if kept is None:
            # On disk before the first page: who dies between two pages must not answer what is old.
            kept = {"cursor": "", "since": self._clock() - self._first}
            await self._keep.put(cursor_key(self.id), kept)
        more = True
        while more:
            gathered, cursor, more, error = await self._gather(str(kept["cursor"]))
            # Until the end was reached once, what is older than the first start stays unanswered.
            following = {"cursor": cursor} | (
                {"since": kept["since"]} if "since" in kept and (more or error) else {}
            )
            await self._commit(gathered, following, kept)
            if error is not None:
                raise error
            if more and cursor == kept["cursor"]:
                return False
            kept = following
        self.pulled = time.time()
        return True

    async def _gather(self, cursor: str) -> tuple[list[Any], str, bool, MindBotError | None]:
        """Return the entries of some pages, the cursor behind them, whether there is more, what failed."""
        gathered: list[Any] = []
        idle = 0
        while True:
            try:
                answer = await self._page(cursor)
            except MindBotError as error:
                return gathered, cursor, True, error
            self.pulls += 1
            entries = answer.get("msg_list") or []
            gathered += entries if isinstance(entries, list) else [entries]
            following = fields.text(answer.get("next_cursor")) or cursor
            # A page may be empty with more to come; one that leads nowhere is not asked for without end.
            idle = 0 if following != cursor else idle + 1
            cursor = following
            if not fields.flag(answer.get("has_more")):
                return gathered, cursor, False, None
            if idle >= _IDLE_PAGES or len(gathered) >= _GATHERED:
                return gathered, cursor, True, None
            if idle > 1:
                await anyio.sleep(min(1.0, 0.01 * 2**idle))

    async def _page(self, cursor: str) -> Json:
        body: Json = {"open_kfid": self.id, "limit": _PAGE, "voice_format": 0}
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

    async def _commit(self, entries: list[Any], cursor: Json, before: Json) -> None:
        """Put entries into the inbox, with the cursor and the budgets that they renew."""
        since = max(float(before.get("since", 0.0)), float(int(self._since())))  # WeCom tells whole seconds
        fresh = [e for e in entries if _sent_at(e) >= since or not _sent_at(e)]
        self.skipped += len(entries) - len(fresh)
        if not fresh and cursor == before:
            return
        now = self._clock()
        # No page promises an order: times decide, and the list where they are equal.
        ordered = sorted(fresh, key=_sent_at)
        messages = [self._message(entry, now) for entry in ordered]
        renewing = [m for m in messages if m.kind != "event"]
        async with self._budget.renewing(self.id, renewing) as renewed:
            values = {cursor_key(self.id): cursor, **renewed.values}
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
