"""The settings of `providers:` entries of the type `dify`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from mindbot.config.models import KeyedSettings, NamedWorkflow
from mindbot.config.types import NAMED


class DifySettings(KeyedSettings):
    """An entry of the type `dify`: an app, by its key."""

    model_config = ConfigDict(defer_build=True)

    workflows: Annotated[tuple[NamedWorkflow, ...], NAMED] = Field((), description="Dify only.")
    history: Literal["query", "inputs", "none"] = Field(
        "query",
        description="Dify only: where earlier lines are told: before the question, or in an input `history`.",
    )
