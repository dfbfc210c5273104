"""The official Python SDK of OpenAI does one thing, and prints what it got as JSON.

Run by the environment of the referees: BASE_URL KEY WHAT [MORE…].
"""

import asyncio
import json
import sys
from typing import Any

import openai

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
NOW = {"type": "function", "function": {"name": "now"}}
BASE_URL, KEY, WHAT, *MORE = sys.argv[1:]


def client(key: str = KEY) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=BASE_URL, api_key=key, max_retries=0)


def asked(text: Any, **more: Any) -> dict[str, Any]:
    return {"model": "sim-1", "messages": [{"role": "user", "content": text}], **more}


async def plain() -> Any:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    request = asked([{"type": "text", "text": "look"}, picture], max_completion_tokens=100)
    request["messages"].insert(0, {"role": "developer", "content": "Be short."})
    answer = await client().chat.completions.with_raw_response.create(**request)
    headers = {name: value for name, value in answer.headers.items() if name.startswith("x-")}
    return {"answer": answer.parse().model_dump(mode="json"), "headers": headers}


async def stream() -> Any:
    request = asked("你好, wide world", stream=True, stream_options={"include_usage": True})
    said, thought, reasons, usage = "", "", [], None
    async for chunk in await client().chat.completions.create(**request):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            said += choice.delta.content or ""
            thought += getattr(choice.delta, "reasoning_content", None) or ""
            reasons.append(choice.finish_reason)
    return {"said": said, "thought": thought, "reason": reasons[-1], "usage": usage and usage.model_dump()}


async def tools() -> Any:
    request = asked('call add({"a": 1, "b": "二"}) and call now()', tools=[ADD, NOW])
    turns = []
    for _ in range(2):
        async with client().chat.completions.stream(**request) as events:
            answer = (await events.get_final_completion()).choices[0]
        turns.append(answer.model_dump(mode="json"))
        message = answer.message.model_dump(mode="json", exclude_none=True)
        for call in message.get("tool_calls", ()):
            call["function"].pop("parsed_arguments", None)
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": call["function"]["arguments"]}
            for call in message.get("tool_calls", ())
        ]
        request["messages"] += [
            {k: message[k] for k in ("role", "content", "tool_calls") if k in message},
            *results,
        ]
    whole = await client().chat.completions.create(**asked("call now()", tools=[NOW]))
    return {"turns": turns, "whole": whole.choices[0].model_dump(mode="json")}


async def other() -> Any:
    near = client()
    vectors = await near.embeddings.create(model="sim-embedding-1", input=["one", "two"], dimensions=8)
    heard = await near.audio.transcriptions.create(model="sim-speech-1", file=("a.wav", b"RIFF", "audio/wav"))
    return {
        "models": [model.id async for model in near.models.list()],
        "one": (await near.models.retrieve("sim-1")).id,
        "vectors": [len(item.embedding) for item in vectors.data],
        "heard": heard.text,
    }


async def azure() -> Any:
    near = openai.AsyncAzureOpenAI(
        azure_endpoint=BASE_URL, api_key=KEY, api_version="2024-10-21", max_retries=0
    )
    whole = await near.chat.completions.create(**asked("hello"))
    said = ""
    async for chunk in await near.chat.completions.create(**asked("hello", stream=True)):
        said += "".join(choice.delta.content or "" for choice in chunk.choices)
    return {"whole": whole.choices[0].message.content, "said": said}


async def errors() -> Any:
    """Use each key of ``MORE``: the simulator refuses it for what it is called."""
    found = {}
    for key in MORE:
        try:
            await client(key).chat.completions.create(**asked("hi"))
        except openai.APIStatusError as exc:
            found[key] = [type(exc).__name__, exc.status_code, exc.code]
    return found


async def broken() -> Any:
    """Read a stream in which an error comes."""
    said = ""
    try:
        async for chunk in await client().chat.completions.create(**asked("a long story", stream=True)):
            said += chunk.choices[0].delta.content or ""
    except openai.APIError as exc:
        return {"said": said, "error": type(exc).__name__, "body": exc.body}
    return {"said": said}


print(json.dumps(asyncio.run(globals()[WHAT]())))
