"""Secrets go in and their names come out; values never do."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from mindbot.api import models
from mindbot_daemon.server.deps import ADMIN, OPERATOR, SecretsDep

router = APIRouter(prefix="/secrets", tags=["secrets"])

Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.@-]{1,128}$")]


@router.get("", dependencies=OPERATOR)
async def list_secrets(secrets: SecretsDep) -> list[str]:
    """Names only."""
    return await secrets.list_secrets()


@router.put("/{name}", status_code=204, dependencies=ADMIN)
async def set_secret(name: Name, secret: models.SecretValue, secrets: SecretsDep) -> None:
    """Keep a secret, or replace it."""
    await secrets.set_secret(name, secret.value.get_secret_value())


@router.delete("/{name}", status_code=204, dependencies=ADMIN)
async def delete_secret(name: Name, secrets: SecretsDep) -> None:
    """Remove a secret."""
    await secrets.delete_secret(name)
