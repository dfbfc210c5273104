"""One vendor's answer breaks off or is refused, and another vendor of another wire goes on with the turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

import pytest
from managed_providers import Managed

from mindbot.domain.chat import ChatMessage, ChatRequest
from mindbot.http.client import HttpClient
from mindbot.sim.anthropic.server import AnthropicSimulator
from mindbot.sim.gemini.server import GeminiSimulator
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.openai.server import OpenAISimulator
from mindbot.sim.testing import simulated
from mindbot.testing.models.rig import TOOL, CollectedAnswer, results, said

pytestmark = pytest.mark.anyio

LONG = "a question whose answer takes many pieces, so that some of it has been shown when it breaks off"
TOOLS = (TOOL,)


@dataclass(slots=True)
class Three:
    """Three vendors, asked in this order."""

    openai: OpenAISimulator
    anthropic: AnthropicSimulator
    google: GeminiSimulator
    here: Managed

    async def go_on(self, request: ChatRequest) -> CollectedAnswer:
        """Ask, and add the answer to the conversation, with results for its calls."""
        self.here.notes = {}
        async with aclosing(self.here.manager.chat(request, notes=self.here.notes)) as chunks:
            answer = CollectedAnswer([chunk async for chunk in chunks])
        request.messages += [said(answer), *results(answer, "sunny")]
        return answer


@asynccontextmanager
async def three() -> AsyncIterator[Three]:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(HttpClient())
        openai = await stack.enter_async_context(simulated("openai", strict=True, model="gpt-4"))
        anthropic = await stack.enter_async_context(
            simulated("anthropic", strict=True, model="claude-sonnet-5")
        )
        google = await stack.enter_async_context(simulated("gemini", strict=True, model="gemini-3-flash"))
        entries = {
            name: {
                "base_url": far.base_url,
                "api_key": far.details()["api_key"],
                "models": [far.settings.model],
            }
            for name, far in (("openai", openai), ("anthropic", anthropic), ("google", google))
        }
        entries["anthropic"]["thinking"] = 1024
        yield Three(openai, anthropic, google, Managed(http, entries, ("anthropic", "google")))


#: Behind its thinking, in the midst of its words.
CUTS = ["cut-stream:after=40", "end-early:after=40", "error-in-stream:after=40"]


@pytest.mark.parametrize("fault", CUTS)
async def test_what_was_shown_is_replaced_by_another_vendors_whole_answer(fault: str) -> None:
    async with three() as vendors:
        vendors.openai.faults.set(["503"])
        vendors.anthropic.faults.set([fault])
        assert await vendors.here.ask(LONG, stream=True) == f"echo: {LONG}"
        shown = [chunk for chunk in vendors.here.chunks if chunk.afresh]
    assert len(shown) == 1
    assert vendors.here.notes["provider"] == "google"


async def test_accounts_without_money_are_asked_once_in_twenty_turns() -> None:
    async with three() as vendors:
        vendors.openai.faults.set(["429:code=insufficient_quota"])
        vendors.anthropic.faults.set(["enforced_spend_limit_reached"])
        for _ in range(20):
            assert await vendors.here.ask("hi") == "echo: hi"
        assert [far.counters["requests"] for far in (vendors.openai, vendors.anthropic)] == [1, 1]
        assert vendors.google.counters["requests"] == 20


async def test_three_vendors_make_one_turn_with_tools() -> None:
    async with three() as vendors:
        call = {"name": "weather", "arguments": {"city": "北京"}}
        for far in (vendors.openai, vendors.anthropic, vendors.google):
            far.script(
                Scripted(tool_calls=[call, call], reasoning="Both." if far is vendors.anthropic else "")
            )
        request = ChatRequest([ChatMessage("user", "weather?")], tools=TOOLS, stream=True)
        await vendors.go_on(request)
        assert vendors.here.notes["provider"] == "openai"
        vendors.openai.faults.set(["500"])
        await vendors.go_on(request)
        assert vendors.here.notes["provider"] == "anthropic"
        vendors.anthropic.faults.set(["overloaded_error"])
        await vendors.go_on(request)
        assert vendors.here.notes["provider"] == "google"
        after = await vendors.go_on(request)
        assert after.text == "echo: weather? [tool: sunny] [tool: sunny]"
        vendors.google.faults.set(["UNAVAILABLE"])
        vendors.openai.faults.set([])
        vendors.here.now += 3600
        request.messages.append(ChatMessage("user", "thanks"))
        assert (await vendors.go_on(request)).text == "echo: thanks"
        assert vendors.here.notes["provider"] == "openai"
    bodies = [str(request.body) for request in (*vendors.openai.requests, *vendors.google.requests)]
    assert not any("Both." in body for body in bodies), "another vendor's thoughts"
