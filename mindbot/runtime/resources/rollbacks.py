"""Rollbacks: the last exchanges of a session are no history any more, and are again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from mindbot.domain import fields, ids
from mindbot.domain.errors import Conflict
from mindbot.domain.message import Json
from mindbot.domain.ports.store import HistoryStore, Queries, RolledBack
from mindbot.domain.shapes.rollbacks import AppConversationJson, ExchangeJson, RolledBackJson
from mindbot.domain.shapes.turns import TurnLineJson
from mindbot.runtime.resources.questions import Questions
from mindbot.telemetry.redaction import redactor
from mindbot.workflows.conversations import AppConversation, begin_anew, go_back
from mindbot.workflows.manager import Workflows

audit = structlog.get_logger("mindbot.audit")

_TURNS = "`mindbot turns 'session == \"…\"'` lists its turns"


class RollbackResource:
    """Answers ``/v1/sessions/…/rollback`` and ``/restore``."""

    def __init__(
        self, history: HistoryStore, questions: Questions, workflows: Callable[[], Workflows]
    ) -> None:
        self._history = history
        self._questions = questions
        self._workflows = workflows

    async def roll_back(
        self, session: str, exchanges: int, expected: Sequence[str], *, dry_run: bool, by: str
    ) -> RolledBackJson:
        """Let the last exchanges of a session be no history of what comes; the turns stay to be seen.

        The conversations that apps have of it at their vendors begin anew: nothing can be taken out of them.
        ``expected`` are the turns that somebody was shown; empty: nobody was. Of a ``dry_run`` nothing is
        done.

        Raises:
            NotFound: there is no such session.
            Conflict: nothing is remembered of it, or something else than was expected.
            StoreError.
        """
        queries = await self._questions.queries()
        message = await queries.last_message(session)
        turns = await self._history.remembered(session, exchanges)
        if not turns:
            raise Conflict(f"nothing is remembered of {session!r}", hint=_TURNS)
        if expected and [ids.show(turn) for turn in turns] != [each.upper() for each in expected]:
            raise Conflict("more was said since: the last exchanges are others", hint="look again")
        rows = await _exchanges(queries, turns)
        conversations: list[AppConversation] = []
        if not dry_run:
            users = dict.fromkeys(f"{row['platform']}:{row['user']}" for row in rows)
            conversations = await begin_anew(self._workflows(), session, list(users))
            note: Json = {"conversations": [_kept(each) for each in conversations if each.id]}
            gone = RolledBack(tuple(turns), note)
            await self._history.roll_back(session, message.platform, message.bot, gone)
            audit.info("rollback", who=by, session=session, turns=[ids.show(turn) for turn in turns])
        return _told(session, rows, conversations, dry_run=dry_run)

    async def restore(self, session: str, *, by: str) -> RolledBackJson:
        """Let what was rolled back last be history again; conversations of apps go on as before where none
        was begun since.

        Raises:
            NotFound: there is no such session.
            Conflict: nothing was rolled back.
            StoreError.
        """
        queries = await self._questions.queries()
        await queries.last_message(session)
        gone = await self._history.restore(session)
        if gone is None:
            raise Conflict(f"nothing was rolled back of {session!r}", hint=_TURNS)
        before = [_read(each) for each in gone.note.get("conversations", ())]
        conversations = await go_back(self._workflows(), session, before)
        audit.info("restore", who=by, session=session, turns=[ids.show(turn) for turn in gone.turns])
        return _told(session, await _exchanges(queries, gone.turns), conversations, dry_run=False)


async def _exchanges(queries: Queries, turns: Sequence[int]) -> list[TurnLineJson]:
    wanted = {ids.show(turn) for turn in turns}
    found: list[TurnLineJson] = redactor.known(await queries.lines_of(turns))
    return [line for line in found if line["id"] in wanted]


def _told(
    session: str, rows: Sequence[TurnLineJson], conversations: Sequence[AppConversation], *, dry_run: bool
) -> RolledBackJson:
    return {
        "session": session,
        "exchanges": [_exchange(row) for row in rows],
        "conversations": [_conversation(each) for each in conversations],
        "dry_run": dry_run,
    }


def _exchange(row: TurnLineJson) -> ExchangeJson:
    return {
        "turn": row["id"],
        "user": row["user"],
        "text": row["text"],
        "reply": row["reply"],
        "received": row["received"],
    }


def _conversation(each: AppConversation) -> AppConversationJson:
    return {"workflow": each.workflow, "replica": each.replica, "done": not each.why, "why": each.why}


def _kept(each: AppConversation) -> Json:
    return {"workflow": each.workflow, "replica": each.replica, "user": each.user, "id": each.id}


def _read(kept: Json) -> AppConversation:
    return AppConversation(*(fields.text(kept.get(name)) for name in ("workflow", "replica", "user", "id")))
