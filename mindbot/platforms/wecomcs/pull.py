"""Reading an account's messages with a cursor that is committed together with them.

Source: WeCom developer centre, "Receiving messages and events" (path/94670): the callback only says that
there is something; messages stay for three days, so none is lost while the cursor is never
ahead of the inbox.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import anyio
import structlog

from mindbot.domain.errors import AuthFailed, MindBotError, RateLimited, Rejected
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Message
from mindbot.platforms.wecom.api import Api
from mindbot.platforms.wecomcs import wire

log = structlog.get_logger("mindbot.platforms.wecomcs")

_PAGE = 1000
_EMPTY_PAGES = 50  # in a row with "more to come", before the rest waits for the next pull
_MAX_WAIT = 60.0
_TALK_TTL = wire.WINDOW + 3600


def talk_key(account: str, customer: str) -> str:
    """Return where a conversation's budget is kept."""
    return f"talk:{account}:{customer}"


class Account:
    """One customer service account; its own `run` is the only one that pulls it."""

    def __init__(
        self,
        id: str,
        bot: str,
        api: Api,
        host: Host,
        clock: Callable[[], float],
        *,
        interval: float,
        first: float,
        told: Callable[[str, MindBotError | None], None],
        backoff: float = 1.0,
    ) -> None:
        """``interval`` seconds without a callback it is pulled anyway; the first pull of all skips what is
        older than ``first`` seconds. ``told`` hears how each pull went."""
        self.id = id
        self._bot = bot
        self._api = api
        self._host = host
        self._clock = clock
        self._interval = interval
        self._first = first
        self._told = told
        self._backoff = backoff
        self._rung = anyio.Event()
        self._token = ""
        self.pulled = 0.0  # Unix seconds of the last whole pull
        self.messages = self.pulls = self.rings = 0

    def ring(self, token: str) -> None:
        """A callback came: pull soon, with its token."""
        self.rings += 1
        self._token = token
        self._rung.set()

    async def run(self) -> None:
        """Pull at the start, at every ring and by the timer, until cancelled."""
        failures = 0
        while True:
            self._rung = anyio.Event()
            try:
                await self._pull()
                failures = 0
                self._told(self.id, None)
            except MindBotError as error:
                failures += 1
                self._told(self.id, error)
                log.warning("pull failed", account=self.id, error=str(error))
                wait = min(_MAX_WAIT, self._backoff * 2.0 ** min(failures - 1, 8)) * random.uniform(0.5, 1.0)
                if isinstance(error, AuthFailed):
                    wait = max(wait, min(_MAX_WAIT, 30 * self._backoff))
                await anyio.sleep(max(wait, error.retry_after if isinstance(error, RateLimited) else 0.0))
                continue
            with anyio.move_on_after(self._interval):
                await self._rung.wait()

    async def _pull(self) -> None:
        """Take all pages; each is committed with the cursor behind it."""
        key = f"cursor:{self.id}"
        kept = await self._host.keep.get(key)
        cursor = str(kept["cursor"]) if kept else ""
        since = 0.0 if kept else self._clock() - self._first
        empty = 0
        while True:
            answer = await self._page(cursor)
            entries, following = answer.get("msg_list") or [], str(answer.get("next_cursor") or cursor)
            fresh = [e for e in entries if float(e.get("send_time") or 0) >= since]
            await self._commit(fresh, key, following, cursor)
            self.pulls += 1
            if not answer.get("has_more"):
                break
            # A page may be empty with more to come.
            empty = 0 if following != cursor else empty + 1
            if empty >= _EMPTY_PAGES:
                break
            if empty > 1:
                await anyio.sleep(min(1.0, 0.01 * 2**empty))
            cursor = following
        self.pulled = time.time()

    async def _page(self, cursor: str) -> Json:
        body: Json = {"open_kfid": self.id, "limit": _PAGE, "voice_format": 0}
        if cursor:
            body["cursor"] = cursor
        token, self._token = self._token, ""
        try:
            return await self._api.post("kf/sync_msg", body | ({"token": token} if token else {}))
        except Rejected as error:
            if error.code != "95007" or not token:
                raise
        return await self._api.post("kf/sync_msg", body)  # the token has ended: without it, though slower

    async def _commit(self, entries: list[Json], key: str, cursor: str, before: str) -> None:
        """Put a page into the inbox, with the cursor and the budgets that its messages renew."""
        if not entries and cursor == before:
            return
        now = self._clock()
        messages: list[Message] = []
        values: dict[str, Json] = {key: {"cursor": cursor}}
        for entry in sorted(entries, key=lambda e: float(e.get("send_time") or 0)):
            try:
                message = wire.to_message(entry, bot=self._bot, received=now)
            except ValueError as error:
                log.warning("entry not understood", account=self.id, error=str(error), entry=str(entry)[:500])
                continue
            messages.append(message)
            if entry.get("origin") == wire.CUSTOMER:
                talk = {"left": wire.BUDGET, "last": message.ts, "until": now + _TALK_TTL}
                values[talk_key(self.id, message.sender)] = talk
            await self._told_of(entry)
        await self._host.keep.receive(messages, values)
        self.messages += len(messages)

    async def _told_of(self, entry: Json) -> None:
        """A message that was accepted and not delivered is told with its reason."""
        event = entry.get("event") if entry.get("msgtype") == "event" else None
        if isinstance(event, dict) and event.get("event_type") == "msg_send_fail":
            failed = str(event.get("fail_msgid") or "")
            if failed.startswith("mb-"):
                number = int(event.get("fail_type") or 0)
                fact = {"failed": FAILURES.get(number, "unknown reason"), "fail_type": number}
                await self._host.told(failed.removeprefix("mb-"), fact)


#: What `fail_type` of msg_send_fail means.
FAILURES = {
    1: "the customer service account was deleted",
    2: "the app is closed",
    4: "more than 48 hours since the customer wrote",
    5: "the conversation has ended",
    6: "more than five messages since the customer wrote",
    7: "no bound channels account",
    8: "the enterprise is not verified",
    9: "no bound channels account",
    10: "the customer refuses messages",
    11: "no member is logged in to WeCom",
    12: "this kind of message is forbidden",
    13: "a security limit",
}
