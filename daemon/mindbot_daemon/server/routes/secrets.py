"""Secrets go in and their names come out; values never do."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from mindbot.api import models
from mindbot_daemon.server.deps import ADMIN, OPERATOR, BackendDep

router = APIRouter(prefix="/secrets", tags=["secrets"])

Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.@-]{1,128}$")]


@router.get("", dependencies=OPERATOR)
async def list_secrets(backend: BackendDep) -> list[str]:
    """Names only."""
    return await backend.list_secrets()


@router.put("/{name}", status_code=204, dependencies=ADMIN)
async def set_secret(name: Name, secret: models.SecretValue, backend: BackendDep) -> None:
    """Keep a secret, or replace it."""
    await backend.set_secret(name, secret.value.get_secret_value())


@router.delete("/{name}", status_code=204, dependencies=ADMIN)
async def delete_secret(name: Name, backend: BackendDep) -> None:
    """Remove a secret."""
    await backend.delete_secret(name)
