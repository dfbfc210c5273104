"""Zhipu's GLM models (bigmodel.cn, Z.ai), API v4: OpenAI's chat completions with an accent of its own.

Sources: docs.z.ai "Chat completion", "Errors"; zai-sdk 0.2.3 (`core/_jwt_token`). The accent is data
(`openai_faces.GLM`); here is what is not: signed tokens and thinking.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from mindbot.config.models import ProviderSettings
from mindbot.domain.chat import ChatRequest
from mindbot.domain.errors import SecretError
from mindbot.domain.host import Secrets
from mindbot.providers.openai import OpenAIProvider
from mindbot.providers.settings.chatglm import ChatGLMSettings
from mindbot.providers.shared.client import Call
from mindbot.providers.shared.jwt import hs256
from mindbot.providers.wires.openai_faces import GLM, Face

_LIFE = 210.0  # seconds a token is good for
_USED = 180.0  # seconds one is used


class ChatGLMProvider(OpenAIProvider):
    """See the module. ``jwt``: a signed token is shown in place of the key; ``thinking`` None leaves it to
    the model; ``clock`` is seconds since the epoch."""

    Settings: ClassVar[type[ProviderSettings]] = ChatGLMSettings
    vendor: ClassVar[str] = "chatglm"
    most_texts: ClassVar[int] = 64

    def __init__(
        self,
        name: str,
        *,
        jwt: bool = False,
        thinking: bool | None = None,
        clock: Callable[[], float] = time.time,
        **more: Any,
    ) -> None:
        super().__init__(name, **{"face": GLM, **more})
        self._jwt = jwt
        self._thinking = thinking
        self._clock = clock
        self._token = ("", "", 0.0)  # of which key, the token, until when it is used

    @classmethod
    def arguments(cls, settings: ProviderSettings, secrets: Secrets, face: Face = GLM) -> dict[str, Any]:
        """Return the client's arguments."""
        assert isinstance(settings, ChatGLMSettings)
        more = {"jwt": settings.jwt, "thinking": settings.thinking}
        return super().arguments(settings, secrets, face) | more

    async def auth(self, key: str) -> Mapping[str, str]:
        """Return the header that shows the key, or a token made of it."""
        return self.face.auth(self._signed(key) if self._jwt else key)

    def renew(self) -> bool:
        """Drop the token: it may have ended by the vendor's clock."""
        self._token = ("", "", 0.0)
        return self._jwt

    def forget(self) -> None:
        """See `ModelClient.forget`."""
        super().forget()
        self._token = ("", "", 0.0)

    def call(self, request: ChatRequest) -> Call:
        """Return the call of chat completions."""
        call = super().call(request)
        if self._thinking is None:
            return call
        kind = "enabled" if self._thinking else "disabled"
        return replace(call, body={**call.body, "thinking": {"type": kind}})

    def _signed(self, key: str) -> str:
        of, token, until = self._token
        now = self._clock()
        if of != key or now >= until:
            id_, _, secret = key.partition(".")
            if not (id_ and secret):
                hint = "copy it whole, or switch `jwt` off"
                raise SecretError(f"{self.name}: the key is not of the form id.secret", hint=hint)
            claims = {"api_key": id_, "exp": round((now + _LIFE) * 1000), "timestamp": round(now * 1000)}
            token = hs256({"sign_type": "SIGN"}, claims, secret)
            self._token = (key, token, now + _USED)
        return token
