"""What every provider does with an answer: words, thinking, tools, pictures, its end."""

from __future__ import annotations

import json
from pathlib import Path

import anyio

from mindbot.domain.chat import Attachment, ChatMessage, ChatRequest, Text, ToolCall, ToolResult
from mindbot.domain.ports.answering import Able
from mindbot.testing.models.rig import (
    DOT,
    LONG,
    TOOL,
    Play,
    PlayedProvider,
    ask,
    collect,
    results,
    said,
    streamed,
)


class AnswersContract(PlayedProvider):
    """Answers, as they should be."""

    @streamed
    async def test_answers(self, stream: bool) -> None:
        async with self.playing(Play()) as (provider, _):
            answer = await collect(provider, ask("how are you?", stream=stream))
        assert answer.text == "echo: how are you?"
        assert answer.last.finish == "stop"
        assert all(not chunk.finish for chunk in answer.chunks[:-1])
        assert answer.last.usage is not None
        assert answer.last.usage.input_tokens > 0
        assert answer.last.usage.output_tokens > 0

    async def test_streams_piece_by_piece(self) -> None:
        async with self.playing(Play(text=LONG)) as (provider, _):
            answer = await collect(provider, ask(stream=True))
        assert answer.text == LONG
        assert len([chunk for chunk in answer.chunks if chunk.text]) > 1

    @streamed
    async def test_keeps_every_character(self, stream: bool) -> None:
        text = '你好，世界 👩‍👩‍👧 "quotes" \\ \n\n tabs\t ümläut \u2028 data: [DONE]'
        async with self.playing(Play()) as (provider, _):
            answer = await collect(provider, ask(text, stream=stream))
        assert answer.text == f"echo: {text}"

    @streamed
    async def test_tells_reasoning_from_the_answer(self, stream: bool) -> None:
        async with self.playing(Play(text="42", reasoning="six times seven")) as (provider, _):
            answer = await collect(provider, ask(stream=stream))
        assert answer.text == "42"
        assert "".join(chunk.reasoning for chunk in answer.chunks) in ("six times seven", "")

    @streamed
    async def test_stops_at_the_output_limit(self, stream: bool) -> None:
        self.needs_output_limit()
        async with self.playing(Play(text="word " * 50)) as (provider, _):
            answer = await collect(provider, ask(stream=stream, max_tokens=5))
        assert answer.last.finish == "length"
        assert len(answer.text) < 250

    @streamed
    async def test_asks_for_tools_and_takes_their_results(self, stream: bool) -> None:
        self.needs_tools()
        calls = [
            {"id": "call_1", "name": "weather", "arguments": '{"city": "北京"}'},
            {"id": "call_2", "name": "weather", "arguments": '{"city": "Bonn"}'},
        ]
        async with self.playing(Play(tool_calls=calls)) as (provider, _):
            request = ask("weather?", stream=stream, tools=(TOOL,))
            answer = await collect(provider, request)
            assert answer.last.finish == "tool_calls"
            wanted = [(call.name, json.loads(call.arguments)["city"]) for call in answer.last.tool_calls]
            assert wanted == [("weather", "北京"), ("weather", "Bonn")]
            request.messages += [said(answer), *results(answer, "sunny")]
            after = await collect(provider, request)
        assert after.last.finish == "stop"
        assert "sunny" in after.text

    @streamed
    async def test_a_call_without_arguments_has_an_empty_object(self, stream: bool) -> None:
        self.needs_tools()
        async with self.playing(Play(tool_calls=[{"id": "c1", "name": "weather", "arguments": "{}"}])) as (
            p,
            _,
        ):
            answer = await collect(p, ask("weather?", stream=stream, tools=(TOOL,)))
        assert [(call.name, json.loads(call.arguments)) for call in answer.last.tool_calls] == [
            ("weather", {})
        ]
        assert answer.last.tool_calls[0].id

    @streamed
    async def test_arguments_keep_every_character(self, stream: bool) -> None:
        self.needs_tools()
        city = 'São "Paulo"\n\\ 北京 👩‍👩‍👧'
        call = {"id": "c1", "name": "weather", "arguments": json.dumps({"city": city}, ensure_ascii=False)}
        async with self.playing(Play(tool_calls=[call])) as (provider, _):
            answer = await collect(provider, ask("weather?", stream=stream, tools=(TOOL,)))
        assert json.loads(answer.last.tool_calls[0].arguments) == {"city": city}

    async def test_a_failed_call_and_many_rounds_are_told(self) -> None:
        self.needs_tools()
        async with self.playing(Play()) as (provider, _):
            request = ask("weather?", tools=(TOOL,))
            for n in range(3):
                call = ToolCall(f"call_{n}", "weather", f'{{"city": "{n}"}}')
                failed = ToolResult(call.id, "weather", f"no city {n}", failed=True)
                request.messages += [ChatMessage("assistant", [call]), ChatMessage("tool", [failed])]
            request.messages += [ChatMessage("assistant", "Sorry."), ChatMessage("user", "thanks")]
            answer = await collect(provider, request)
        assert "thanks" in answer.text

    async def test_a_long_conversation_without_instructions(self) -> None:
        lines = [ChatMessage(("user", "assistant")[n % 2], f"line {n}") for n in range(21)]
        async with self.playing(Play()) as (provider, _):
            answer = await collect(provider, ChatRequest(lines))
        assert answer.text == "echo: line 20"

    @streamed
    async def test_sees_a_picture_or_is_told_that_there_is_one(self, stream: bool, tmp_path: Path) -> None:
        (tmp_path / "dot.png").write_bytes(DOT)
        dot = Attachment("image", "image/png", "dot.png", path=str(tmp_path / "dot.png"))
        lines = [ChatMessage("user", [Text("what is this?"), dot])]
        async with self.playing(Play()) as (provider, _):
            answer = await collect(provider, ChatRequest(lines, stream=stream))
        assert "what is this?" in answer.text
        if self.images:
            assert "unseen" not in answer.last.notes
        else:
            assert "dot.png" in answer.last.notes["unseen"][0]
            assert "not shown to you" in answer.text

    async def test_a_picture_that_is_gone_costs_no_answer(self, tmp_path: Path) -> None:
        gone = Attachment("image", "image/png", "gone.png", path=str(tmp_path / "gone.png"))
        async with self.playing(Play()) as (provider, _):
            answer = await collect(provider, ChatRequest([ChatMessage("user", [Text("this?"), gone])]))
        assert "this?" in answer.text and "gone.png" in answer.last.notes["unseen"][0]

    async def test_says_what_its_model_can_do(self) -> None:
        async with self.playing(Play()) as (provider, _):
            assert isinstance(provider, Able)
            can = provider.capabilities()
        assert (can.tools, can.images) == (self.tools, self.images)

    @streamed
    async def test_answers_many_at_once(self, stream: bool) -> None:
        async def one(number: int) -> None:
            answers[number] = (await collect(provider, ask(f"question {number}", stream=stream))).text

        answers: dict[int, str] = {}
        async with self.playing(Play()) as (provider, _), anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(one, number)
        assert answers == {number: f"echo: question {number}" for number in range(20)}

    @streamed
    async def test_uses_its_connection_again(self, stream: bool) -> None:
        async with self.playing(Play()) as (provider, tap):
            for _ in range(3):
                await collect(provider, ask(stream=stream))
            assert tap.connections == 1
