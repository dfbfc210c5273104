"""The call of juries; see `mindbot.api.calls`."""

from __future__ import annotations

from mindbot.api import jury_models as models
from mindbot.api.one_call import ApiCall, one, segment

_SLACK = 10.0  # seconds a call outlives its timeout, so that the daemon can say itself that it took too long


def jury(turn: str, order: models.AskJury) -> ApiCall[models.JuryView]:
    """Ask several models or workflows what they would answer in a turn; nothing of it is sent."""
    path = f"/v1/turns/{segment(turn, 'turn')}/jury"
    body = order.model_dump(mode="json", exclude_defaults=True)
    return ApiCall("POST", path, one(models.JuryView), body=body, timeout=order.timeout + _SLACK)
