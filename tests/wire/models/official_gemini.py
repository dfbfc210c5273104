"""The official Python SDK of Gemini (google-genai) does one thing, and prints what it got as JSON.

Run by the environment of the referees: BASE_URL KEY WHAT [MORE…].
"""

import asyncio
import base64
import json
import sys
from typing import Any

from google import genai
from google.genai import errors as sdk_errors
from google.genai import types

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
BASE_URL, KEY, WHAT, *MORE = sys.argv[1:]
MODEL = "sim-1"
ADD = types.FunctionDeclaration(
    name="add",
    description="Adds.",
    parameters=types.Schema(type=types.Type.OBJECT, properties={"a": types.Schema(type=types.Type.INTEGER)}),
)
NOW = types.FunctionDeclaration(name="now", parameters_json_schema={"type": "object"})
TOOLS = types.GenerateContentConfig(
    tools=[types.Tool(function_declarations=[ADD, NOW])],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)


def models(key: str = KEY) -> Any:
    options = types.HttpOptions(base_url=BASE_URL)
    return genai.Client(api_key=key, http_options=options, enterprise=False).aio.models


def shown(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True, exclude={"sdk_http_response"})


async def plain() -> Any:
    picture = types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")
    config = types.GenerateContentConfig(system_instruction="Be short.", temperature=0.5)
    answer = await models().generate_content(model=MODEL, contents=["look", picture], config=config)
    return {"text": answer.text, "answer": shown(answer)}


async def stream() -> Any:
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    config = types.GenerateContentConfig(thinking_config=thinking)
    found = await models().generate_content_stream(model=MODEL, contents="你好, wide world", config=config)
    return [shown(chunk) async for chunk in found]


async def tools() -> Any:
    contents = [types.UserContent('call add({"a": 1}) and call now()')]
    turns = []
    for _ in range(2):
        stream = await models().generate_content_stream(model=MODEL, contents=contents, config=TOOLS)
        parts: list[types.Part] = []
        async for chunk in stream:
            parts += chunk.candidates[0].content.parts
        turns.append([shown(part) for part in parts])
        contents.append(types.ModelContent(parts))
        answers = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=part.function_call.id, name=part.function_call.name, response={"output": "done"}
                )
            )
            for part in parts
            if part.function_call
        ]
        contents.append(types.UserContent(answers or "thanks"))
    whole = await models().generate_content(model=MODEL, contents="call now()", config=TOOLS)
    return {"turns": turns, "whole": shown(whole), "calls": [shown(c) for c in whole.function_calls]}


async def other() -> Any:
    here = models()
    count = await here.count_tokens(model=MODEL, contents="x" * 40)
    embedded = await here.embed_content(
        model="sim-embedding-1",
        contents=["one", "two"],
        config=types.EmbedContentConfig(output_dimensionality=8, task_type="RETRIEVAL_QUERY"),
    )
    return {
        "tokens": count.total_tokens,
        "lengths": [len(each.values) for each in embedded.embeddings],
        "models": [model.name async for model in await here.list()],
        "window": (await here.get(model=MODEL)).input_token_limit,
    }


async def blocked() -> Any:
    answer = await models().generate_content(model=MODEL, contents="hi")
    return shown(answer)


async def errors() -> Any:
    """Use each key of ``MORE``, whole and streamed: the simulator refuses it for what it is called."""
    found: dict[str, list[Any]] = {}
    for key in MORE:
        try:
            await models(key).generate_content(model=MODEL, contents="hi")
        except sdk_errors.APIError as exc:
            found[key] = [type(exc).__name__, exc.code, exc.status]
        try:
            async for _ in await models(key).generate_content_stream(model=MODEL, contents="hi"):
                pass
        except sdk_errors.APIError as exc:
            found[key].append(exc.code)
    return found


print(json.dumps(asyncio.run(globals()[WHAT]())))
