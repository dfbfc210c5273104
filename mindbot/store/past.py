"""What was said in a session so far, in memory for those that are alive."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any

import orjson

from mindbot.domain.message import Json, Message, Part
from mindbot.domain.turn import Turn
from mindbot.store.database import Database
from mindbot.store.reads import GroupRead

SESSIONS_KEPT = 5_000  # whose last exchanges stay in memory

Exchange = tuple[int, str, str]  # the turn, what the user wrote, what was answered


class Past:
    """The last exchanges of sessions. Run `run` in a task group while it is used."""

    def __init__(self, database: Database) -> None:
        self._rows = GroupRead(database, _HISTORY)
        self._known: OrderedDict[str, deque[Exchange]] = OrderedDict()
        self._pushed = 0  # ends of pushes: they may come while somebody else reads their session

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._rows.run()

    def ended(self, turn: Turn) -> None:
        """Learn what a turn said that is on disk now."""
        self._pushed += turn.message.kind == "push"
        known = self._known.get(turn.session)
        if known is None or not (turn.state == "answered" or "heard" in turn.vars):
            return
        if all(number != turn.number for number, _, _ in known):
            said = _exchange(turn.message, turn.reply.text, turn.vars.get("heard"))
            known.append((turn.number, *said))

    async def history(self, session: str, before: int, turns: int, group: str = "") -> list[Json]:
        """Return the last exchanges of a session, oldest first, as ``{"role", "content"}``.

        Those of ``group`` were heard in the session as well: what the bot said of its own accord to a whole
        group, in which each member has a session.
        """
        found = list(await self._last(session, before, turns))
        if group:
            heard = [each for each in await self._last(group, before, turns) if each[0] < before]
            found = sorted([*found, *heard])[-turns:] if heard else found
        lines: list[Json] = []
        for _, text, said in found:
            if text:
                lines.append({"role": "user", "content": text})
            if said:
                lines.append({"role": "assistant", "content": said})
        return lines

    async def _last(self, session: str, before: int, turns: int) -> deque[Exchange]:
        known = self._known.get(session)
        if known is not None and known.maxlen == turns:
            self._known.move_to_end(session)
            return known
        while True:
            pushed, known = self._pushed, deque(maxlen=turns)
            for number, stored, reply, heard in reversed(await self._rows.get([session, before, turns])):
                said = "\n".join(Part.from_json(p).text for p in orjson.loads(reply or "[]"))
                message = Message.from_json(orjson.loads(stored))
                known.append((number, *_exchange(message, said, heard)))
            if pushed == self._pushed:
                break
        self._known[session] = known
        if len(self._known) > SESSIONS_KEPT:
            self._known.popitem(last=False)
        return known


_HISTORY = """
    SELECT t.id, t.message, json_extract(t.record, '$.reply'), json_extract(t.record, '$.vars.heard')
    FROM turns AS t WHERE t.session = ? AND t.id < ? AND (t.state = 'answered' OR t.state = 'dropped'
    AND json_extract(t.record, '$.vars.heard') IS NOT NULL) ORDER BY t.id DESC LIMIT ?"""


def _exchange(message: Message, said: str, heard: Any) -> tuple[str, str]:
    """Return who said what: the user said nothing where the bot, or a person, spoke of their own accord."""
    if heard == "assistant":
        return "", message.text
    return "" if message.kind in ("push", "event") else message.text, said
