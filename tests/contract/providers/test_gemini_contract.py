"""The Gemini provider against the shipped simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mindbot.config.models import ModelSettings
from mindbot.domain.ports.answering import Provider
from mindbot.domain.ports.http import Http
from mindbot.providers.gemini import GoogleProvider
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.providers import KEY, Play, ProviderContract

MODEL = "gemini-3.1-pro"
FAULTS = {
    "": (),
    "bad_request": "INVALID_ARGUMENT",
    "bad_key": "API_KEY_INVALID",
    "no_model": "NOT_FOUND",
    "rate_limited": "429:retry-after=7",
    "quota": "quota_per_day",
    "context": "input_too_long",
    "filtered": (),
    "server_error": "UNAVAILABLE",
    "proxy_page": "502:body=html",
    "garbage": "garbage",
    "hang": "hang",
    "cut": "cut-stream:after=5",
    "end_early": "end-early:after=5",
    "stall": "stall:after=5",
    "error_in_stream": "error-in-stream:after=5",
}


class TestGemini(ProviderContract):
    quirks: tuple[str, ...] = ()

    @asynccontextmanager
    async def vendor(self, play: Play) -> AsyncIterator[str]:
        fault = FAULTS[play.fault]
        faults = ((fault,) if isinstance(fault, str) else ()) + self.quirks
        async with simulated("gemini", fault=faults, strict=True, api_key=KEY, model=MODEL) as gemini:
            if play.fault == "filtered":
                gemini.script(Scripted(blocked="PROHIBITED_CONTENT"))
            elif play.text or play.tool_calls:
                reply = Scripted(play.text, tool_calls=list(play.tool_calls), reasoning=play.reasoning)
                gemini.script(reply)
            yield gemini.base_url

    def provider(self, base_url: str, http: Http, timeout: float) -> Provider:
        return GoogleProvider(
            "acme",
            http=http,
            base_url=base_url,
            api_key=KEY,
            models=[ModelSettings(name=MODEL)],
            timeout=timeout,
            total=60,
        )


@pytest.mark.full
class TestGeminiShredded(TestGemini):
    """The same with streams cut inside characters, CR LF and keep-alive comments."""

    quirks = ("split", "crlf", "comments")
