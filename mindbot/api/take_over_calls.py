"""The calls of operators who answer in the bot's place; see `mindbot.api.calls`."""

from __future__ import annotations

from typing import Literal

from mindbot.api import take_over_models as models
from mindbot.api.one_call import ApiCall, many, one, segment

_SLOW = 60.0  # seconds: a platform is asked who serves a session


def taken_sessions() -> ApiCall[list[models.TakenSessionView]]:
    """The sessions that are taken over, the first ones first."""
    return ApiCall("GET", "/v1/sessions/taken", many(models.TakenSessionView))


def take_session(
    session: str, *, running: Literal["draft", "finish", "drop"] = "draft", force: bool = False
) -> ApiCall[models.TakingOver]:
    """Answer in the bot's place from now on."""
    body = {"running": running, "force": force}
    return ApiCall("POST", _of(session) + "/take", one(models.TakingOver), body=body, timeout=_SLOW)


def say_in_session(session: str, words: models.SayWords) -> ApiCall[models.OperatorsWords]:
    """Say something in a session that was taken."""
    body = words.model_dump(mode="json", exclude_defaults=True)
    return ApiCall("POST", _of(session) + "/say", one(models.OperatorsWords), body=body, timeout=_SLOW)


def hand_back(session: str, to: str = "bot", *, force: bool = False) -> ApiCall[models.HandedBack]:
    """Let the bot answer again, or the platform's own people."""
    body = {"to": to, "force": force}
    return ApiCall("POST", _of(session) + "/hand-back", one(models.HandedBack), body=body, timeout=_SLOW)


def _of(session: str) -> str:
    return f"/v1/sessions/{segment(session, 'session')}"
