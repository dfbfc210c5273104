"""Sessions: list, hand to people and back, forget."""

from __future__ import annotations

import structlog

from mindbot.domain.bot import Bot
from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json
from mindbot.domain.ports.store import HistoryStore
from mindbot.domain.shapes.turns import ClearedJson, SessionJson, SessionRecord, TransferredJson
from mindbot.runtime.bots import Bots
from mindbot.runtime.resources.naming import turn_named
from mindbot.runtime.resources.questions import Questions
from mindbot.runtime.take_over import TakeOvers
from mindbot.telemetry.redaction import redactor

log = structlog.get_logger("mindbot.runtime")


class SessionResource:
    """Answers ``/v1/sessions``."""

    def __init__(
        self, bots: Bots, history: HistoryStore, questions: Questions, take_overs: TakeOvers
    ) -> None:
        self._bots = bots
        self._history = history
        self._questions = questions
        self._take_overs = take_overs

    async def list_sessions(self, *, limit: int = 100, before: str = "") -> list[SessionJson]:
        """Return sessions, the most recently active first; ``before`` is the last turn of the page before."""
        queries = await self._questions.queries()
        last = await turn_named(queries, before) if before else ""
        rows: list[SessionRecord] = redactor.known(await queries.list_sessions(limit, last))
        return [await self._line(row) for row in rows]

    async def _line(self, row: SessionRecord) -> SessionJson:
        bot = self._bots.bots.get((row["platform"], row["bot"]))
        taken = self._take_overs.named(row["session"])
        return {
            "session": row["session"],
            "platform": row["platform"],
            "bot": row["bot"],
            "user": row["user"],
            "chat": row["chat"],
            "turns": row["turns"],
            "last": row["last"],
            "active": row["active"],
            "state": row["state"],
            "text": row["text"],
            "transfer": bot is not None and bot.transfers is not None,
            "left": await _left(bot, row["address"]),
            "taken_by": taken.by if taken else "",
            "taken_since": taken.since if taken else None,
            "waiting_since": (taken.waiting or None) if taken else None,
        }

    async def transfer(self, session: str, to: str) -> TransferredJson:
        """Hand a session to people, or back; raises NotFound, Invalid, Conflict, VendorError."""
        message = await (await self._questions.queries()).last_message(session)
        able = self._bots.find(message.platform, message.bot).transfers
        if able is None:
            raise Invalid(f"{message.platform} has nobody to hand a session to")
        return {"session": session, **await able.transfer(message.reply_to, to)}

    async def clear_session(self, session: str) -> ClearedJson:
        """Let the bot forget what was said in a session so far; raises NotFound, StoreError."""
        message = await (await self._questions.queries()).last_message(session)
        await self._history.clear(session, message.platform, message.bot)
        return {"session": session}


async def _left(bot: Bot | None, address: Json) -> int | None:
    """Return how many messages a bot may still say to somebody; None where it does not count, or know."""
    if bot is None or bot.rationed is None or not address:
        return None
    try:
        return await bot.rationed.left(address)
    except (
        LookupError,
        TypeError,
        ValueError,
    ) as error:  # a damaged address must not hide the other sessions
        log.warning("an address cannot be read", bot=f"{bot.platform}/{bot.name}", error=repr(error))
        return None
