"""The calls of replays and forks; see `mindbot.api.calls`."""

from __future__ import annotations

from mindbot.api import replay_models as models
from mindbot.api.one_call import ApiCall, one, segment

_SLACK = 10.0  # seconds a call outlives its timeout, so that the daemon can say itself that it took too long


def replay(turn: str, order: models.ReplayTurn) -> ApiCall[models.ReplayView]:
    """Make a turn again; not waited for, its id alone is known."""
    path = f"/v1/turns/{segment(turn, 'turn')}/replay"
    body = order.model_dump(mode="json")
    return ApiCall("POST", path, one(models.ReplayView), body=body, timeout=order.timeout + _SLACK)


def compared(turn: str) -> ApiCall[models.ReplayView]:
    """A replay beside the turn that it makes again."""
    return ApiCall("GET", f"/v1/turns/{segment(turn, 'turn')}/replay", one(models.ReplayView))


def fork(session: str, order: models.ForkSession) -> ApiCall[models.Forked]:
    """A sandbox that goes on from a moment of a session."""
    path = f"/v1/sessions/{segment(session, 'session')}/fork"
    return ApiCall("POST", path, one(models.Forked), body=order.model_dump(mode="json"))
