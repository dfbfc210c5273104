"""The scripted model."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import anyio
import pytest

from mindbot.domain.chat import ChatMessage, ChatRequest, Chunk
from mindbot.domain.errors import RateLimited
from mindbot.providers.scripted import ScriptedProvider
from mindbot.providers.settings.scripted import ScriptedRule, ScriptedSettings

pytestmark = pytest.mark.anyio


async def chunks(text: str, *rules: ScriptedRule, stream: bool = False) -> list[Chunk]:
    request = ChatRequest(
        [ChatMessage("user", "before"), ChatMessage("assistant", "yes"), ChatMessage("user", text)],
        stream=stream,
    )
    async with aclosing(ScriptedProvider(rules=rules).chat(request)) as answer:
        return [chunk async for chunk in answer]


async def said(text: str, *rules: ScriptedRule) -> str:
    return "".join(chunk.text for chunk in await chunks(text, *rules))


def rule(match: str, reply: str = "", **more: Any) -> ScriptedRule:
    return ScriptedRule(match=match, reply=reply, **more)


async def test_it_echoes_when_no_rule_matches() -> None:
    answer = await chunks("你好", rule("bye", "goodbye"))
    assert [chunk.text for chunk in answer] == ["echo: 你好", ""]
    assert answer[-1].finish == "stop"
    assert answer[-1].usage.output_tokens > 0


@pytest.mark.parametrize(
    ("match", "reply", "text", "expected"),
    [
        ("refund|退款", "ask billing", "我要退款", "ask billing"),
        (r"order (\d+)", "order {1} is on its way", "where is order 42?", "order 42 is on its way"),
        (r"I am (?P<name>\w+)", "hello {name}: {text}", "I am Ada", "hello Ada: I am Ada"),
        (r"(a)|(b)", "[{1}{2}]", "b", "[b]"),
        ("json", '{"kept": {unknown}, "n": {9}}', "json", '{"kept": {unknown}, "n": {9}}'),
        ("quiet", "", "quiet please", ""),
    ],
)
async def test_rules(match: str, reply: str, text: str, expected: str) -> None:
    assert await said(text, rule(match, reply)) == expected


async def test_the_first_rule_that_matches_wins() -> None:
    assert await said("ab", rule("b", "first"), rule("a", "second")) == "first"


async def test_a_stream_has_several_pieces_of_the_same_text() -> None:
    answer = await chunks("a somewhat longer message", stream=True)
    assert "".join(chunk.text for chunk in answer) == "echo: a somewhat longer message"
    assert len(answer) > 3
    assert answer[-1].finish == "stop"


async def test_delays_and_errors() -> None:
    with pytest.raises(RateLimited):
        await said("x", rule("x", error="rate_limited"))
    with anyio.move_on_after(0.02) as scope:
        await said("x", rule("x", "late", delay=60))
    assert scope.cancelled_caught


async def test_bad_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="no regular expression"):
        ScriptedSettings.model_validate({"rules": [{"match": "("}]})
    with pytest.raises(ValueError, match="the name of a vendor's error: auth_failed"):
        ScriptedSettings.model_validate({"rules": [{"match": "x", "error": "no_such_error"}]})
