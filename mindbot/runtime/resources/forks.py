"""Forks of sessions: sandboxes in which an operator goes on from any moment of a conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from mindbot.domain import ids
from mindbot.domain.errors import Invalid, SecretError
from mindbot.domain.message import Message
from mindbot.domain.shapes.replays import ForkedJson
from mindbot.runtime.forks import MOST, Forks, exchanges
from mindbot.runtime.generation import Generation
from mindbot.runtime.resources.naming import turn_named
from mindbot.runtime.resources.questions import Questions


class ForkResource:
    """Answers ``/v1/sessions/{session}/fork``."""

    def __init__(self, current: Callable[[], Generation], questions: Questions, forks: Forks) -> None:
        self._current = current
        self._questions = questions
        self._forks = forks

    async def fork(self, session: str, at: str, conversations: Literal["renew", "copy"]) -> ForkedJson:
        """Copy what was said in a session up to a turn (empty: all of it) into a sandbox.

        Raises:
            NotFound: no such session or turn.
            Invalid: the turn is of another session.
            StoreError: it is not on disk.
        """
        queries = await self._questions.queries()
        m, before = await queries.last_message(session), ids.LAST
        if at:
            turn = await queries.kept_turn(await turn_named(queries, at))
            if turn.session != session:
                raise Invalid(f"turn {turn.id} is of the session {turn.session!r}", hint="see: mindbot turns")
            m, at, before = turn.message, turn.id, turn.number + 1
        group = f"{m.platform}:{m.bot}:{m.chat}"
        heard = group if session.startswith(f"{group}:") else ""
        lines = await self._forks.until(session, before, MOST, heard)
        made = await self._forks.put(
            {
                "of": session,
                "at": at,
                "platform": m.platform,
                "bot": m.bot,
                "user": m.sender,
                "chat": m.chat,
                "reply_to": m.reply_to,
                "lines": [line.to_json() for line in lines],
            }
        )
        copied = await self._copy_conversations(m, session, made) if conversations == "copy" else 0
        return {
            "session": made,
            "of": session,
            "at": at,
            "exchanges": exchanges(lines),
            "conversations": copied,
        }

    async def _copy_conversations(self, message: Message, session: str, to: str) -> int:
        """Let a fork go on with the conversations that workflows have with the user at their vendors."""
        workflows, copied = self._current().workflows, 0
        user = f"{message.platform}:{message.sender}"
        for member in (each for members in workflows.members.values() for each in members):
            try:
                copied += await workflows.app(member).copy_conversation(user, session, to)
            except SecretError:  # an app without a key has no conversations
                continue
        return copied
