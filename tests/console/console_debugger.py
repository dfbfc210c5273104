"""A debugger for console tests and pictures: parked turns, what they consist of, breakpoints."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from console_fakes import NOON, FakeDaemon, turn_id
from console_sample import SAMPLE, filled, turn_view

from mindbot.api.calls import ApiCall
from mindbot.domain.errors import Conflict, NotFound
from mindbot.domain.message import Json

LEASE = 47.0
_STAGES = ("deliver", "errors", "access", "limits", "session", "people", "media", "route", "compose", "run")

SCOPES: Json = {
    "message": {
        "text": "I want a refund for the blue lamp",
        "kind": "text",
        "parts": [{"kind": "text", "text": "I want a refund for the blue lamp"}],
        "sender": "carol",
        "chat": "carol",
    },
    "route": {"runner": "workflow", "workflow": "退款", "why": "most like 怎么退款", "confidence": 0.91},
    "context": {"session": "wecom:default:carol", "attempt": 1, "history": []},
    "prompt": [
        {"role": "system", "content": "You answer customers of a shop, briefly and kindly."},
        {"role": "user", "content": "I want a refund for the blue lamp"},
    ],
    "answer": {"text": "A refund takes three days."},
    "reply": [],
    "variables": {"intent": "refund", "order": "4711"},
}
WRITABLE = ["message.text", "variables", "route.runner", "route.workflow", "prompt", "answer.text", "reply"]

BREAKPOINTS: list[Json] = [
    {
        "id": "b1",
        "stage": "run",
        "on": "before",
        "filter": 'text =~ "refund|退款"',
        "hits": 1,
        "enabled": True,
        "owner": "bot-1/operator",
        "matched": 3,
        "stopped": 3,
        "created": NOON - 840,
    },
    {
        "id": "b2",
        "step": "model",
        "on": "error",
        "errors": ["rate_limited"],
        "hits": 2,
        "enabled": False,
        "sticky": True,
        "matched": 12,
        "stopped": 0,
        "created": NOON - 7200,
    },
    {
        "id": "b3",
        "stage": "route",
        "on": "after",
        "log": "to {route.workflow}",
        "hits": 1,
        "enabled": True,
        "owner": "cli",
        "matched": 1204,
        "stopped": 0,
        "created": NOON - 60,
    },
]


def parked(n: int, stage: str = "run", left: float = LEASE, **rest: Any) -> Json:
    """Return the nth sample turn as it is parked before a stage."""
    found, outer = SAMPLE[n], _STAGES[: _STAGES.index(stage) + 1]
    return {
        **{name: found[name] for name in ("platform", "bot", "user", "session", "text")},
        "turn": found["id"],
        "breakpoint": "b1",
        "reason": "breakpoint",
        "on": "before",
        "span": 9,
        "kind": "stage",
        "name": stage,
        "since": NOON - 13,
        "lease_until": NOON + left,
        "lease_left": left,
        "owner": "bot-1/operator",
        "revision": 1,
        "stack": [
            {"span": k, "kind": "stage", "name": name, "on": "before" if name == stage else "inside"}
            for k, name in enumerate(outer, start=1)
        ],
        **rest,
    }


class FakeDebugger:
    """What a daemon's debugger answers; others may edit a turn by `theirs`."""

    def __init__(self, daemon: FakeDaemon, stands: Iterable[Json] = ()) -> None:
        self.daemon = daemon
        self.parked = list(stands)
        self.scopes = deepcopy(SCOPES)
        self.revision = 1
        self.breakpoints = deepcopy(BREAKPOINTS)
        answers = daemon.answers
        answers["GET /v1/parked"] = lambda call: self.parked
        answers["POST /v1/parked/resume"] = lambda call: self._freed()
        answers["GET /v1/breakpoints"] = lambda call: self.breakpoints
        answers["POST /v1/breakpoints"] = self._set
        answers["DELETE /v1/breakpoints"] = lambda call: self._cleared([b["id"] for b in self.breakpoints])
        for n in range(1, 9):
            path = f"/v1/breakpoints/b{n}"
            answers[f"DELETE {path}"] = lambda call, id=f"b{n}": self._cleared([id])
            answers[f"PATCH {path}"] = lambda call, id=f"b{n}": self._changed(id, call)
        for each in SAMPLE:
            path = f"/v1/turns/{each['id']}"
            answers[f"GET {path}/scopes"] = lambda call, id=each["id"]: self._scopes(id)
            answers[f"PUT {path}/scopes"] = lambda call, id=each["id"]: self._edited(id, call)
            for action in ("resume", "step", "step-in", "step-out", "drop", "restart-stage", "answer"):
                answers[f"POST {path}/{action}"] = lambda call, id=each["id"], act=action: self._act(id, act)

    def stop(self, each: Json) -> None:
        """Park a turn, and tell."""
        self.parked.append(each)
        at = f"{each['on']} {each['name']}"
        known = {"turn": each["turn"], "state": "parked", "lease_until": each["lease_until"], "at": at}
        self.daemon.happen({"type": "turn.parked", **known})

    def theirs(self, path: str, value: Any) -> None:
        """Edit as somebody else."""
        scope, _, name = path.partition(".")
        if name:
            self.scopes[scope][name] = value
        else:
            self.scopes[scope] = value
        self.revision += 1

    def _scopes(self, id: str) -> Json:
        stands = any(each["turn"] == id for each in self.parked)
        known = {"turn": id, "parked": stands, "revision": self.revision}
        return {**known, "writable": WRITABLE if stands else [], "scopes": deepcopy(self.scopes)}

    def _edited(self, id: str, call: ApiCall[Any]) -> Json:
        assert call.body is not None
        if call.body["revision"] not in (None, self.revision):
            raise Conflict("somebody else has changed the turn meanwhile", hint="read it again")
        self.theirs(call.body["path"], call.body["value"])
        return self._scopes(id)

    def _act(self, id: str, action: str) -> Json:
        stood = next((each for each in self.parked if each["turn"] == id), None)
        if stood is None:
            raise Conflict(f"{id} is not parked", hint="see: mindbot debug list")
        self.parked.remove(stood)
        self.daemon.happen({"type": "turn.resumed", "turn": id, "state": "running", "action": action})
        return stood

    def _freed(self) -> Json:
        return {"turns": [self._act(each["turn"], "resume")["turn"] for each in list(self.parked)]}

    def _set(self, call: ApiCall[Any]) -> Json:
        made = {"id": f"b{len(self.breakpoints) + 1}", "on": "before", "hits": 1, **(call.body or {})}
        self.breakpoints.append({**made, "enabled": True, "owner": "test", "created": NOON})
        return made

    def _changed(self, id: str, call: ApiCall[Any]) -> Json:
        found = next((each for each in self.breakpoints if each["id"] == id), None)
        if found is None:
            raise NotFound(f"no breakpoint {id!r}")
        found |= call.body or {}
        return found

    def _cleared(self, ids: list[str]) -> Json:
        self.breakpoints = [each for each in self.breakpoints if each["id"] not in ids]
        return {"ids": ids}


def debugged() -> tuple[FakeDaemon, FakeDebugger]:
    """Return a daemon with two parked turns."""
    daemon = filled()
    stands = [parked(4), parked(11, "route", 8.0, reason="step", breakpoint="")]
    debugger = FakeDebugger(daemon, stands)
    ids, now = {each["turn"] for each in stands}, {"state": "parked", "reason": "", "error": ""}
    records = daemon.answers["GET /v1/turns"]
    turns = [{**each, **(now if each["id"] in ids else {})} for each in records]

    def listed(call: ApiCall[Any]) -> list[Json]:
        filter = call.query.get("filter", "")
        return [each for each in turns if each["session"] in filter or not filter]

    daemon.answers["GET /v1/turns"] = listed
    for n in (4, 11):
        known = {"state": "parked", "deliveries": [], "reply": "", "reply_parts": [], "reason": ""}
        daemon.answers[f"GET /v1/turns/{turn_id(n)}"] = {**turn_view(n), **known}
    return daemon, debugger
