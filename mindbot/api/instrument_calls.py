"""Calls about the daemon at work; see `mindbot.api.calls`."""

from __future__ import annotations

from mindbot.api import instrument_models
from mindbot.api.one_call import ApiCall, one


def metric_times() -> ApiCall[instrument_models.MetricTimesView]:
    """How long turns, stages, models, workflows and sends took, by bucket."""
    return ApiCall("GET", "/v1/metrics/times", one(instrument_models.MetricTimesView))


def bus() -> ApiCall[instrument_models.BusView]:
    """Topics and who takes their events."""
    return ApiCall("GET", "/v1/bus", one(instrument_models.BusView))
