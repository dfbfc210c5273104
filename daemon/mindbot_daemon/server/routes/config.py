"""The configuration in use."""

from __future__ import annotations

from fastapi import APIRouter

from mindbot.api import models
from mindbot.domain.shapes.daemon import CheckedJson, ConfigValuesJson, ReloadedJson
from mindbot_daemon.server.deps import ADMIN, OPERATOR, VIEWER, ConfigDep, HostDep

router = APIRouter(prefix="/config", tags=["config"])


@router.get("", response_model=models.ConfigValues, dependencies=VIEWER)
async def get_config(config: ConfigDep) -> ConfigValuesJson:
    """Every effective value and where it was written; secrets are masked."""
    return config.config()


@router.post("/check", response_model=models.Checked, dependencies=OPERATOR)
async def check(host: HostDep) -> CheckedJson:
    """Read the configuration's files as a reload would, and say what it would change. Changes nothing."""
    return await host.check()


@router.post("/reload", response_model=models.Reloaded, dependencies=ADMIN)
async def reload(host: HostDep) -> ReloadedJson:
    """Read the configuration again; when it cannot be used, the old one stays and 422 says why."""
    return await host.reload()
