"""The official Python SDK of Anthropic does one thing, and prints what it got as JSON.

Run by the environment of the referees: BASE_URL KEY WHAT [MORE…].
"""

import asyncio
import json
import sys
from typing import Any

import anthropic

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ADD = {"name": "add", "description": "Adds.", "input_schema": {"type": "object", "properties": {}}}
NOW = {"name": "now", "input_schema": {"type": "object"}}
BASE_URL, KEY, WHAT, *MORE = sys.argv[1:]


def client(key: str = KEY) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=BASE_URL, api_key=key, max_retries=0)


def asked(text: Any, **more: Any) -> dict[str, Any]:
    return {"model": "sim-1", "max_tokens": 2000, "messages": [{"role": "user", "content": text}], **more}


async def plain() -> Any:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    content = [{"type": "text", "text": "look"}, picture]
    found = await client().messages.create(**asked(content, system="Be short."))
    return found.model_dump(mode="json")


async def stream() -> Any:
    said: list[str] = []
    thought: list[str] = []
    thinking = {"type": "enabled", "budget_tokens": 1024}
    async with client().messages.stream(**asked("你好, wide world", thinking=thinking)) as events:
        async for event in events:
            if event.type == "text":
                said.append(event.text)
            if event.type == "thinking":
                thought.append(event.thinking)
        final = await events.get_final_message()
    return {"said": said, "thought": thought, "final": final.model_dump(mode="json")}


async def tools() -> Any:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    request = asked('call add({"a": 1, "b": "二"}) and call now()', tools=[ADD, NOW], thinking=thinking)
    turns = []
    for _ in range(2):
        async with client().messages.stream(**request) as events:
            answer = await events.get_final_message()
        turns.append(answer.model_dump(mode="json"))
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": f"{block.name}: {block.input}"}
            for block in answer.content
            if block.type == "tool_use"
        ]
        said = [block.model_dump(exclude_none=True, exclude={"caller"}) for block in answer.content]
        request["messages"] += [
            {"role": "assistant", "content": said},
            {"role": "user", "content": results},
        ]
    whole = await client().messages.create(**asked("call now()", tools=[NOW]))
    return {"turns": turns, "whole": whole.model_dump(mode="json")}


async def other() -> Any:
    count = await client().messages.count_tokens(model="sim-1", messages=asked("x" * 40)["messages"])
    models = [model.id async for model in client().models.list()]
    one = await client().models.retrieve("sim-1")
    return {"tokens": count.input_tokens, "models": models, "window": one.max_input_tokens}


async def errors() -> Any:
    """Use each key of ``MORE``: the simulator refuses it for what it is called."""
    found = {}
    for key in MORE:
        try:
            await client(key).messages.create(**asked("hi"))
        except anthropic.APIStatusError as exc:
            found[key] = [type(exc).__mro__[1].__name__, type(exc).__name__, exc.status_code, exc.error_code]
    return found


async def broken() -> Any:
    """Read a stream in which an error comes."""
    said: list[str] = []
    try:
        async with client().messages.stream(**asked("a long story")) as events:
            async for text in events.text_stream:
                said.append(text)  # noqa: PERF401 - what came before the error counts
    except anthropic.APIStatusError as exc:
        return {"said": said, "error": type(exc).__name__, "body": exc.body}
    return {"said": said}


print(json.dumps(asyncio.run(globals()[WHAT]())))
