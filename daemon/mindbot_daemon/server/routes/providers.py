"""Providers: how they are, a trial, off and on, their models, what they cost."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from mindbot.api import models, provider_models
from mindbot.domain.shapes.daemon import CheckJson
from mindbot.domain.shapes.providers import ModelJson, ProviderJson, SpentJson
from mindbot_daemon.server.deps import OPERATOR, VIEWER, ProvidersDep

router = APIRouter(prefix="/providers", tags=["providers"])


@router.get("", response_model=list[provider_models.ProviderView], dependencies=VIEWER)
async def list_providers(providers: ProvidersDep) -> list[ProviderJson]:
    """Every configured provider: state, keys by their labels, breakers, rates, cost today, late errors."""
    return await providers.providers()


@router.get("/usage", response_model=list[provider_models.SpentView], dependencies=VIEWER)
async def usage(
    providers: ProvidersDep,
    by: Annotated[str, Query(description="user, group, bot, workflow, provider, model or all")] = "provider",
    days: Annotated[int, Query(description="how many, today the last")] = 1,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    after: Annotated[str, Query(max_length=4096, description="day/who of the page's last row before")] = "",
) -> list[SpentJson]:
    """Tokens and money by day, the newest first; a page at a time."""
    return await providers.usage(by, days, limit=limit, after=after)


@router.get("/{name}", response_model=provider_models.ProviderView, dependencies=VIEWER)
async def get_provider(name: str, providers: ProvidersDep) -> ProviderJson:
    """One provider."""
    return await providers.provider(name)


@router.post("/{name}/test", response_model=list[models.PlatformCheck], dependencies=OPERATOR)
async def test_provider(
    name: str,
    providers: ProvidersDep,
    model: Annotated[str, Query(description="empty: its first")] = "",
) -> list[CheckJson]:
    """Ask it really: an answer, a stream, a tool, a picture. This costs a few hundred tokens."""
    return await providers.test_provider(name, model)


@router.post("/{name}/enable", response_model=provider_models.ProviderView, dependencies=OPERATOR)
async def enable_provider(name: str, providers: ProvidersDep) -> ProviderJson:
    """Switch it on again; keys that were refused or cooling are tried again."""
    return await providers.switch_provider(name, on=True)


@router.post("/{name}/disable", response_model=provider_models.ProviderView, dependencies=OPERATOR)
async def disable_provider(name: str, providers: ProvidersDep) -> ProviderJson:
    """Switch it off until it is switched on again, also over restarts."""
    return await providers.switch_provider(name, on=False)


@router.get("/{name}/models", response_model=list[provider_models.ModelView], dependencies=OPERATOR)
async def list_models(
    name: str,
    providers: ProvidersDep,
    ask: Annotated[bool, Query(description="ask the vendor too")] = False,
) -> list[ModelJson]:
    """Its models and what they can do: those configured, and with ``ask`` those its vendor tells of."""
    return await providers.models(name, ask=ask)
