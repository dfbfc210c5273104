"""Replays and forks of a fake runtime: each says what its original said, but for a text that it was given."""

from __future__ import annotations

from mindbot.domain import ids
from mindbot.domain.errors import Conflict, Invalid, NotFound
from mindbot.domain.message import Json
from mindbot.domain.shapes.replays import ReplayOrder


class FakeReplays:
    """See `mindbot_daemon.server.backend.Replays`."""

    def __init__(self, turns: dict[str, Json]) -> None:
        self._turns = turns
        self._made: dict[str, tuple[str, ReplayOrder]] = {}

    async def replay(self, turn: str, order: ReplayOrder) -> str:
        if turn not in self._turns:
            raise NotFound(f"no turn {turn}", hint="`mindbot turns` lists them")
        if order.from_stage not in ("", "route", "run"):
            raise Invalid(f"no stage or step {order.from_stage!r}", hint="there are: route, run")
        made = ids.show(ids.new_id())
        self._made[made] = turn, order
        return made

    async def wait_replay(self, turn: str, timeout: float) -> Json:
        return await self.compare(turn)

    async def compare(self, turn: str) -> Json:
        if turn not in self._made:
            raise Conflict(f"turn {turn} is no replay")
        of, order = self._made[turn]
        then = {"turn": of, "state": self._turns[of]["state"], "reply": self._turns[of]["reply"]}
        text = order.edits.get("message.text")
        now = {**then, "turn": turn, "workflow": order.workflow, "cost": 0.5, "currency": "USD"}
        if text is not None:
            now["reply"] = f"you said {text}"
        step = {
            "kind": "stage",
            "name": "run",
            "outcome": "recorded" if order.recorded else "re-run",
            "why": "",
        }
        return {
            "turn": turn,
            "of": of,
            "mode": order.mode,
            "from_stage": order.from_stage,
            "recorded": order.recorded,
            "dry_run": not order.send,
            "same": now["reply"] == then["reply"],
            "steps": [step],
            "original": {**then, "tokens": 7},
            "replay": {**now, "tokens": 9},
        }


class FakeForks:
    """See `mindbot_daemon.server.backend.Forks`."""

    async def fork(self, session: str, at: str, conversations: str) -> Json:
        if session != "s":
            raise NotFound(f"no session {session!r}")
        copied = 1 if conversations == "copy" else 0
        return {"session": "fork:1", "of": session, "at": at, "exchanges": 2, "conversations": copied}
