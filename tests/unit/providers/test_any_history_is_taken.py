"""Whatever was said, by whatever model, and wherever it was cut: the strictest vendors take the request."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mindbot.domain import conversation
from mindbot.domain.chat import (
    Attachment,
    ChatMessage,
    ChatPart,
    ChatRequest,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from mindbot.domain.message import Json
from mindbot.providers.wires import anthropic_request, gemini_request
from mindbot.sim.anthropic import blocks as anthropic_blocks
from mindbot.sim.anthropic import messages as anthropic
from mindbot.sim.gemini import contents as gemini
from mindbot.sim.gemini import questions
from mindbot.sim.models.conversation import ModelQuestion
from mindbot.testing.models.rig import DOT

TOOLS = (Tool("weather", "Tell the weather", {"properties": {"city": {"type": "string"}}}), Tool("now"))


def _thought(text: str, vendor: str) -> Reasoning:
    return Reasoning(text, anthropic_blocks.signature(text), vendor=vendor)


def _call(id_: str, name: str, arguments: Json, vendor: str) -> ToolCall:
    signed = gemini.signature(name, arguments) if vendor == "google" else ""
    return ToolCall(id_, name, orjson.dumps(arguments).decode(), signed, vendor)


ids = st.sampled_from(["", "call_0", "call_1", "functions.weather:0", "toolu_1", "ab cd"])
names = st.sampled_from(["weather", "now"])
vendors = st.sampled_from(["", "openai", "anthropic", "google"])
texts = st.sampled_from(["", " ", "\n", "one", "two ", "你好"]).map(Text)
sees = st.one_of(texts, st.just(Attachment("image", "image/png", "dot.png", data=DOT)))
arguments = st.sampled_from([{}, {"city": "北京"}, {"city": 1, "more": [None]}])
thoughts = st.builds(_thought, st.sampled_from(["hm", "两个"]), vendors)
calls = st.builds(_call, ids, names, arguments, vendors)
broken = st.builds(ToolCall, ids, names, st.sampled_from(["", "{", "[1]", "null"]))
results = st.builds(ToolResult, ids, names, st.sampled_from(["", "sunny"]), st.booleans())


@st.composite
def rounds(draw: st.DrawFn) -> list[ChatMessage]:
    """A question, then rounds of calls with most of their results, then perhaps an answer."""
    found = [ChatMessage("user", draw(st.lists(sees, max_size=3)))]
    for _ in range(draw(st.integers(0, 3))):
        asked = draw(st.lists(st.one_of(calls, broken), max_size=3))
        said: list[ChatPart] = [*draw(st.lists(st.one_of(thoughts, texts), max_size=2)), *asked]
        found.append(ChatMessage("assistant", said))
        answers = [ToolResult(call.id, call.name, "sunny") for call in asked if draw(st.integers(0, 3))]
        answers += draw(st.lists(results, max_size=1))
        if draw(st.booleans()):
            found.append(ChatMessage("tool", answers))
        else:
            found += [ChatMessage("tool", [answer]) for answer in reversed(answers)]
    if draw(st.booleans()):
        found.append(ChatMessage("assistant", draw(st.lists(texts, max_size=2))))
    return found


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    """A conversation, as it was said or as it was cut, that ends with the user or with results."""
    lines = [line for said in draw(st.lists(rounds(), min_size=1, max_size=3)) for line in said]
    if draw(st.booleans()):
        lines.insert(0, ChatMessage("system", "Be brief."))
    if lines[-1].role == "assistant":
        lines.append(ChatMessage("user", "so?"))
    most = draw(st.sampled_from([0, 5, 50, 10_000]))
    lines = conversation.shaped(conversation.within(lines, most))
    tools = TOOLS if draw(st.booleans()) else ()
    choice = draw(st.sampled_from(["", "none", "required", "now"])) if tools else ""
    return ChatRequest(lines, "gemini-3-flash", 0.7, 50, tools=tools, tool_choice=choice)


def _to_anthropic(request: ChatRequest, thinking: int | None) -> ModelQuestion:
    body = anthropic_request.request_body(request, thinking=thinking)
    version = anthropic_request.SAMPLING if "temperature" in body else anthropic_request.NEWEST
    return anthropic.question(body, version, 64_000)


def _to_gemini(request: ChatRequest, thinking: int | None) -> ModelQuestion:
    body = gemini_request.request_body(request, thinking=thinking)
    return questions.read(request.model, body, strict=True, signed=True).question


#: The model's turn, then a line of results that has none.
NO_RESULTS = [ChatMessage("user", "two"), ChatMessage("assistant", "one"), ChatMessage("tool", [])]

#: A thought of the model's own, but not at the beginning of the turn that calls.
LATE_THOUGHT = [
    ChatMessage("user", "two"),
    ChatMessage("assistant", [Text("one"), _thought("hm", "anthropic"), ToolCall("call_0", "now")]),
    ChatMessage("tool", [ToolResult("call_0", "now", "noon")]),
]


@pytest.mark.full
@pytest.mark.parametrize("take", [_to_anthropic, _to_gemini])
@example(ChatRequest(NO_RESULTS, "gemini-3-flash", 0.7, 50), None)
@example(ChatRequest(LATE_THOUGHT, "gemini-3-flash", 0.7, 50), 2000)
@given(request=requests(), thinking=st.sampled_from([None, 0, 2000]))
def test_it_is_taken(take: object, request: ChatRequest, thinking: int | None) -> None:
    question = take(request, thinking)  # type: ignore[operator]
    waiting: list[str] = []
    for said in question.said:
        if said.role == "tool":
            waiting.remove(said.result_of)
        else:
            assert not waiting
            waiting = list(said.calls)
    assert not waiting
