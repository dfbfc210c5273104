"""Juries: what several models or workflows would answer in a turn, each on a fork of its own."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from mindbot.domain.errors import Conflict, MindBotError
from mindbot.domain.shapes.jury import JurorJson, JuryJson, VerdictJson
from mindbot.domain.shapes.replays import ReplayOrder
from mindbot.domain.shapes.turns import Json
from mindbot.runtime.resources.debugger import DebuggerResource
from mindbot.runtime.resources.replays import ReplayResource


class JuryResource:
    """Answers ``POST /v1/turns/{turn}/jury``: dry replays side by side, also of a turn that is parked, as it
    was edited by then."""

    def __init__(self, replays: ReplayResource, debugger: DebuggerResource) -> None:
        self._replays = replays
        self._debugger = debugger

    async def ask(self, turn: str, jurors: Sequence[JurorJson], timeout: float) -> JuryJson:
        """Ask all of them at once; one that fails says why and keeps no other from answering.

        Raises:
            NotFound: no such turn.
        """
        turn, edits = await self._now(turn)
        verdicts = [_unheard(juror) for juror in jurors]
        async with anyio.create_task_group() as group:
            for verdict in verdicts:
                group.start_soon(self._one, turn, verdict, edits, timeout)
        return {"turn": turn, "verdicts": verdicts}

    async def _one(self, turn: str, verdict: VerdictJson, edits: Json, timeout: float) -> None:
        order = ReplayOrder(edits=edits, workflow=verdict["workflow"], model=verdict["model"], aside=True)
        try:
            made = await self._replays.replay(turn, order)
            found = await self._replays.wait_replay(made, timeout)
        except MindBotError as error:
            verdict["error"] = str(error)
            return
        verdict["answer"] = found["replay"]
        if found["replay"]["state"] != "answered":
            verdict["error"] = found["replay"]["reason"]

    async def _now(self, turn: str) -> tuple[str, Json]:
        """Return the whole id of a turn, and what an operator has changed of it while it is parked."""
        try:
            now = await self._debugger.scopes(turn)
        except Conflict:  # it has ended: it is asked again as it was
            return turn, {}
        if not now["revision"]:
            return now["turn"], {}
        variables = {f"variables.{name}": value for name, value in now["scopes"]["variables"].items()}
        return now["turn"], {"message.text": now["scopes"]["message"]["text"], **variables}


def _unheard(juror: JurorJson) -> VerdictJson:
    who = juror["workflow"] or juror["model"]
    return {"workflow": juror["workflow"], "model": juror["model"], "juror": who, "error": ""}
