"""The Anthropic provider against the shipped simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mindbot.config.models import ModelSettings
from mindbot.domain.ports.answering import Provider
from mindbot.domain.ports.http import Http
from mindbot.providers.anthropic import AnthropicProvider
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.providers import KEY, Play, ProviderContract

MODEL = "claude-sonnet-5"
FAULTS = {
    "": (),
    "bad_request": "invalid_request_error",
    "bad_key": "authentication_error",
    "no_model": "not_found_error",
    "rate_limited": "rate_limit_error",
    "quota": "enforced_spend_limit_reached",
    "context": "prompt_too_long",
    "filtered": (),
    "server_error": "overloaded_error",
    "proxy_page": "502:body=html",
    "garbage": "garbage",
    "hang": "hang",
    "cut": "cut-stream:after=5",
    "end_early": "end-early:after=5",
    "stall": "stall:after=5",
    "error_in_stream": "error-in-stream:after=5",
}


class TestAnthropic(ProviderContract):
    images = True
    quirks: tuple[str, ...] = ()

    @asynccontextmanager
    async def vendor(self, play: Play) -> AsyncIterator[str]:
        fault = FAULTS[play.fault]
        faults = ((fault,) if isinstance(fault, str) else ()) + self.quirks
        async with simulated("anthropic", fault=faults, strict=True, api_key=KEY, model=MODEL) as anthropic:
            if play.fault == "filtered":
                anthropic.script(Scripted(blocked="bio"))
            elif play.text or play.tool_calls:
                reply = Scripted(play.text, tool_calls=list(play.tool_calls), reasoning=play.reasoning)
                anthropic.script(reply)
            yield anthropic.base_url

    def provider(self, base_url: str, http: Http, timeout: float) -> Provider:
        return AnthropicProvider(
            "acme",
            http=http,
            base_url=base_url,
            api_key=KEY,
            models=[ModelSettings(name=MODEL)],
            timeout=timeout,
            total=60,
        )


@pytest.mark.full
class TestAnthropicShredded(TestAnthropic):
    """The same with streams cut inside characters, CR LF, pings and comments, and no end marker."""

    quirks = ("split", "crlf", "comments", "no-done")
