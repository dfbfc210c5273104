"""A debugger whose turns stand where a test puts them, for tests of what stands around it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mindbot.debug.breakpoints import CLI, Breakpoints
from mindbot.domain import ids
from mindbot.domain.errors import Conflict, Outdated, WrongValue
from mindbot.domain.message import Json
from mindbot.domain.operators import Operator

_WRITABLE = ["message.text", "variables", "prompt"]
#: Where a turn stands after each action: kind, name, place. Others end it.
_NEXT = {
    "step": ("stage", "run", "after"),
    "step-in": ("model", "scripted", "before"),
    "restart-stage": ("stage", "run", "before"),
}

_STAGES = ("deliver", "errors", "access", "media", "route", "compose", "run")


class FakeDebugger:
    """See `mindbot_daemon.server.backend.Debugger`.

    ``turns`` are those of the runtime, where turns are found that go on to their ends; ``slow``: they never
    get there. ``done`` is what was asked for.
    """

    def __init__(self, turns: dict[str, Json]) -> None:
        self._turns = turns
        self._points = Breakpoints()
        self._parked: dict[str, Json] = {}
        self._scopes: dict[str, Json] = {}
        self.slow = False
        self.done: list[tuple[str, str]] = []

    def stop(self, user: str, text: str) -> Json:
        """Park a turn of a user's before `run`; returns how."""
        turn = ids.show(ids.new_id())
        self._turns[turn] = {"id": turn, "state": "parked", "user": user, "session": user, "text": text}
        self._scopes[turn] = {
            "message": {"text": text, "sender": user},
            "route": {},
            "prompt": [{"role": "user", "content": text}],
            "answer": {"text": ""},
            "variables": {},
        }
        row = {"turn": turn, "platform": "console", "bot": "default", "user": user, "session": user}
        row |= {"user_name": "", "text": text, "owner": CLI, "error": "", "revision": 0}
        self._stand(row, "breakpoint", "stage", "run", "before")
        return self._parked[turn]

    def _stand(self, row: Json, reason: str, kind: str, name: str, on: str) -> None:
        frames = [("stage", "deliver", "inside"), ("stage", "run", "inside")][: 1 if name == "run" else 2]
        frames.append((kind, name, on))
        self._parked[row["turn"]] = row | {
            "breakpoint": "b1" if reason == "breakpoint" else "",
            "reason": reason,
            "kind": kind,
            "name": name,
            "on": on,
            "span": len(frames),
            "stack": [{"span": n, "kind": k, "name": m, "on": o} for n, (k, m, o) in enumerate(frames, 1)],
            "since": time.time(),
            "lease_until": time.time() + 60,
            "lease_left": 60.0,
            "revision": row["revision"] + 1,
        }

    def points(self) -> list[Any]:
        return self.list_breakpoints()

    def values(self, turn: str) -> Json:
        return self._scopes[turn]

    # --- what routes ask

    def list_breakpoints(self) -> list[Any]:
        return [each.to_json() for each in self._points]

    async def set_breakpoint(self, said: Mapping[str, Any], *, by: Operator) -> Any:
        return self._points.add(said, by.console or CLI, _STAGES).to_json()

    async def change_breakpoint(self, id: str, said: Mapping[str, Any], *, by: Operator) -> Any:
        return self._points.change(id, said, by.console or CLI, _STAGES).to_json()

    async def clear_breakpoints(self, id: str | None, *, everyone: bool, by: Operator) -> Any:
        gone = [self._points.get(id).id] if id else [each.id for each in self._points]
        self._points.remove(gone)
        return {"ids": gone}

    def list_parked(self) -> list[Any]:
        return list(self._parked.values())

    def resume_all(self, *, by: Operator) -> Any:
        turns = list(self._parked)
        for turn in turns:
            self._end(turn, "answered")
        return {"turns": turns}

    async def scopes(self, turn: str) -> Any:
        stands = self._standing(turn)
        return {
            "turn": turn,
            "parked": True,
            "revision": stands["revision"],
            "writable": _WRITABLE,
            "scopes": self._scopes[turn],
        }

    async def edit(self, turn: str, path: str, value: Any, *, revision: int | None, by: Operator) -> Any:
        stands = self._standing(turn, revision)
        scope, _, name = path.partition(".")
        if path != "message.text" and scope != "variables":
            raise WrongValue(f"{path} cannot be set", hint=f"these can: {', '.join(_WRITABLE)}")
        self._scopes[turn][scope][name] = value
        stands["revision"] += 1
        return await self.scopes(turn)

    async def act(
        self,
        turn: str,
        action: str,
        *,
        stage: str = "",
        text: str = "",
        revision: int | None = None,
        by: Operator,
    ) -> Any:
        before = dict(self._standing(turn, revision))
        self.done.append((turn, " ".join(filter(None, (action, stage, text)))))
        if self.slow:
            del self._parked[turn]
            self._turns[turn]["state"] = "running"
        elif action in _NEXT:
            self._stand(before, action, *_NEXT[action])
        else:
            self._end(turn, "dropped" if action == "drop" else "answered")
        return before

    def attached(self, console: str) -> AbstractContextManager[None]:
        return nullcontext()

    def _standing(self, turn: str, revision: int | None = None) -> Json:
        if (found := self._parked.get(turn)) is None:
            raise Conflict(f"turn {turn} is not parked", hint="`mindbot debug list` shows the parked turns")
        if revision not in (None, found["revision"]):
            raise Outdated(f"its revision is {found['revision']}", hint="read it again")
        return found

    def _end(self, turn: str, state: str) -> None:
        del self._parked[turn]
        self._turns[turn]["state"] = state
