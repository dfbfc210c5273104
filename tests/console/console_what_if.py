"""What a daemon says of replays, juries and conversations that were taken over, for console tests."""

from __future__ import annotations

from typing import Any

from console_fakes import NOON, FakeDaemon, turn_id
from console_sample import listing

from mindbot.api.calls import ApiCall
from mindbot.domain.errors import Conflict
from mindbot.domain.message import Json

A, B = turn_id(0), turn_id(1)
_KIND = {"role": "system", "text": "Be kind."}
_EARLIER = {"role": "user", "origin": "history", "text": "only in the first", "tokens": 4}
DIFF: Json = {
    "a": A,
    "b": B,
    "same": False,
    "route": [{"name": "workflow", "same": False, "a": None, "b": "general"}],
    "prompt": {
        "same": False,
        "parts": [{"mark": "=", "a": _KIND, "b": _KIND}, {"mark": "-", "a": _EARLIER}],
    },
    "answer": {
        "same": False,
        "lines": [
            {"mark": "=", "text": "Hello,"},
            {"mark": "-", "text": "it left this morning."},
            {"mark": "+", "text": "it leaves tomorrow."},
        ],
    },
    "steps": [{"mark": "~", "path": "deliver/run", "a_ms": 1200.0, "b_ms": 80.0}],
    "cost": [{"name": "money", "same": False, "a": 0.004, "b": 0.001}],
}


def verdicts(call: ApiCall[Any]) -> Json:
    assert call.body is not None
    first, second = call.body["jurors"]
    answer = {
        "reply": "A refund takes two days.",
        "took_ms": 310.0,
        "cost": 0.002,
        "currency": "USD",
        "tokens": 80,
    }
    return {
        "turn": turn_id(4),
        "verdicts": [
            {**first, "juror": "general", "answer": answer},
            {**second, "juror": "openai/gpt-4o", "error": "rate_limited: slow down", "answer": {}},
        ],
    }


SESSION = "wecom:default:alice"
PATH = "/v1/sessions/wecom%3Adefault%3Aalice"


class Taken:
    """What a daemon knows of conversations that were taken."""

    def __init__(self, daemon: FakeDaemon) -> None:
        self.by = ""
        self.said: list[Json] = []
        daemon.answers["GET /v1/turns"] = listing(SESSION)
        daemon.answers["GET /v1/sessions/taken"] = lambda call: [self.line()] if self.by else []
        daemon.answers[f"POST {PATH}/take"] = self._take
        daemon.answers[f"POST {PATH}/say"] = self._say
        daemon.answers[f"POST {PATH}/hand-back"] = self._back

    def line(self) -> Json:
        return {"session": SESSION, "taken_by": self.by, "taken_since": NOON - 60, "waiting_since": NOON - 20}

    def _take(self, call: ApiCall[Any]) -> Json:
        assert call.body is not None
        if self.by not in ("", "me") and not call.body["force"]:
            raise Conflict(f"{self.by} has taken it", hint="take it all the same: --force")
        self.by = "me"
        return {**self.line(), "on_the_way": 0}

    def _say(self, call: ApiCall[Any]) -> Json:
        self.said.append(call.body or {})
        return {"session": SESSION, "turn": "X", "left": 4}

    def _back(self, call: ApiCall[Any]) -> Json:
        self.by = ""
        return {"session": SESSION, "to": "bot"}
