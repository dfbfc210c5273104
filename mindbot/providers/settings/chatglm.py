"""The settings of `providers:` entries of the type `chatglm`."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from mindbot.config.models import KeyedSettings


class ChatGLMSettings(KeyedSettings):
    """An entry of the type `chatglm`."""

    model_config = ConfigDict(defer_build=True)

    jwt: bool = Field(False, description="ChatGLM only: show a signed token made of the key (`id.secret`).")
    thinking: bool | None = Field(None, description="ChatGLM only: think first; absent: the model's way.")
