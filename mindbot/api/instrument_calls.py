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


def query_database(sql: str, limit: int = 200, timeout: float = 5.0) -> ApiCall[instrument_models.SqlAnswer]:
    """Ask the database in SQL, for reading alone; ``timeout`` is seconds."""
    body = {"sql": sql, "limit": limit, "timeout": timeout}
    found = one(instrument_models.SqlAnswer)
    return ApiCall("POST", "/v1/database/query", found, body=body, timeout=timeout + 30.0)
