"""What went wrong in the last hours, by its cause."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from mindbot.api import failure_models
from mindbot.domain.shapes.failures import FailuresJson, OpenBundleJson, RerunsJson, RetriedBundleJson
from mindbot_daemon.server.deps import OPERATOR, VIEWER, FailuresDep

router = APIRouter(prefix="/failures", tags=["failures"])

Window = Annotated[float, Query(ge=60, le=7 * 86400, description="Seconds.")]
_HOURS = 6 * 3600.0


@router.get("", response_model=failure_models.FailuresView, dependencies=VIEWER)
async def list_failures(failures: FailuresDep, window: Window = _HOURS) -> FailuresJson:
    """Turns that failed and answers that did not arrive, grouped by their cause."""
    return await failures.failures(window)


@router.get("/{id}", response_model=failure_models.OpenBundleView, dependencies=VIEWER)
async def get_bundle(id: str, failures: FailuresDep, window: Window = _HOURS) -> OpenBundleJson:
    """One of them with its people, those who wait longest first."""
    return await failures.bundle(id, window)


@router.post("/{id}/retry", response_model=failure_models.RetriedBundle, dependencies=OPERATOR)
async def retry_bundle(id: str, failures: FailuresDep, window: Window = _HOURS) -> RetriedBundleJson:
    """Try again what its people wait for, each by itself; who was answered since is left alone."""
    return await failures.retry(id, window)


@router.get("/{id}/reruns", response_model=failure_models.RerunsView, dependencies=VIEWER)
async def list_reruns(id: str, failures: FailuresDep) -> RerunsJson:
    """What came of those that were tried again in the last quarter of an hour, also when all is over."""
    return await failures.reruns(id)
