"""Calls about what is not done; see `mindbot.api.calls`."""

from __future__ import annotations

from mindbot.api import queue_models
from mindbot.api.one_call import ApiCall, nothing, one, segment


def queue(limit: int = 200) -> ApiCall[queue_models.QueueView]:
    """The oldest turns and deliveries that are not done, at most ``limit`` of each."""
    return ApiCall("GET", "/v1/queue", one(queue_models.QueueView), query={"limit": str(limit)})


def hasten(id: str) -> ApiCall[None]:
    """Try a delivery that waits for its next try again now."""
    return ApiCall("POST", f"/v1/queue/{segment(id, 'delivery')}/hasten", nothing)


def cancel(id: str) -> ApiCall[None]:
    """Give up a delivery that waits: it is a dead letter then."""
    return ApiCall("POST", f"/v1/queue/{segment(id, 'delivery')}/cancel", nothing)
