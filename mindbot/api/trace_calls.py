"""The calls of traces; see `mindbot.api.calls`."""

from __future__ import annotations

from mindbot.api import trace_models as models
from mindbot.api.one_call import ApiCall, one, segment


def requests(turn: str) -> ApiCall[models.TurnRequests]:
    """What a turn asked models and workflows, as it left."""
    return ApiCall("GET", f"/v1/turns/{segment(turn, 'turn')}/requests", one(models.TurnRequests))


def diff(turn: str, other: str) -> ApiCall[models.TurnDiff]:
    """How another turn differs from one."""
    path = f"/v1/turns/{segment(turn, 'turn')}/diff/{segment(other, 'turn')}"
    return ApiCall("GET", path, one(models.TurnDiff))
