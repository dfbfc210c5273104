"""The official Python client of Ollama does one thing, and prints what it got as JSON.

Run by the environment of the referees: BASE_URL KEY WHAT [MORE…].
"""

import asyncio
import json
import sys
from typing import Any

import ollama

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ADD = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}},
}
BASE_URL, KEY, WHAT, *MORE = sys.argv[1:]
NEAR = ollama.AsyncClient(host=BASE_URL, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False)


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "sim-1", "messages": [{"role": "user", "content": text}], **more}


async def plain() -> Any:
    request = asked("look", options={"num_ctx": 2048})
    request["messages"][0]["images"] = [PIXEL]
    return (await NEAR.chat(**request)).model_dump(mode="json")


async def stream() -> Any:
    lines = [line async for line in await NEAR.chat(**asked("你好, wide world", stream=True, think=True))]
    return {
        "said": "".join(line.message.content or "" for line in lines),
        "thought": "".join(line.message.thinking or "" for line in lines),
        "last": lines[-1].model_dump(mode="json"),
    }


async def tools() -> Any:
    request = asked('call add({"a": 1}) and call add({"a": 2})', tools=[ADD])
    found = []
    for _ in range(2):
        calls, said = [], ""
        async for line in await NEAR.chat(**request, stream=True):
            calls += line.message.tool_calls or ()
            said += line.message.content or ""
        found.append(
            {"said": said, "calls": [call.model_dump() for call in calls], "reason": line.done_reason}
        )
        request["messages"] += [
            {"role": "assistant", "content": said, "tool_calls": calls},
            *({"role": "tool", "tool_name": "add", "content": str(c.function.arguments["a"])} for c in calls),
        ]
    whole = await NEAR.chat(**asked('call add({"a": 3})', tools=[ADD]))
    return {"turns": found, "whole": whole.message.model_dump()}


async def other() -> Any:
    vectors = await NEAR.embed(model="sim-embedding-1", input=["one", "two"], dimensions=8)
    shown = await NEAR.show("sim-1")
    return {
        "models": [model.model for model in (await NEAR.list()).models],
        "running": [model.model for model in (await NEAR.ps()).models],
        "vectors": [len(vector) for vector in vectors.embeddings],
        "can": shown.capabilities,
        "context": shown.modelinfo["llama.context_length"],
    }


async def error() -> Any:
    try:
        await NEAR.chat(**asked("hi"))
    except ollama.ResponseError as exc:
        return [exc.status_code, exc.error]
    return None


async def broken() -> Any:
    said = ""
    try:
        async for line in await NEAR.chat(**asked("a long story", stream=True)):
            said += line.message.content or ""
    except ollama.ResponseError as exc:
        return [said, exc.error]
    return said


print(json.dumps(asyncio.run(globals()[WHAT]())))
