"""Whatever stands in a request's fields, simulated models answer it or refuse it as their vendor does."""

import base64
import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import ClientSession

from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio

CALL = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
PARTS = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://x"}}]
RESULT = {"role": "tool", "tool_call_id": "1", "content": "x"}
MESSAGES = [
    {"role": "user", "content": PARTS},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    RESULT,
]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
TOOL_RESULT = {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "x"}]}
TOOL = {"type": "function", "function": {"name": "add"}}
QUESTION = {"role": "user", "type": "question", "content": "x", "content_type": "text"}
OBJECTS = {**QUESTION, "content": '[{"type": "text", "text": "x"}]', "content_type": "object_string"}
BODIES: dict[tuple[str, str], Any] = {
    ("openai", "/v1/chat/completions"): {
        "model": "m",
        "messages": MESSAGES,
        "tools": [TOOL],
        "tool_choice": "auto",
        "stop": ["a"],
        "temperature": 1,
        "max_tokens": 5,
        "stream_options": {"include_usage": True},
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
        "reasoning": {"effort": "low"},
        "stream": True,
    },
    ("anthropic", "/v1/messages"): {
        "model": "m",
        "max_tokens": 2000,
        "system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, IMAGE]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "add", "input": {}}]},
            {"role": "user", "content": [TOOL_RESULT, {"type": "text", "text": "b", "citations": []}]},
        ],
        "tools": [{"name": "add", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "auto"},
        "stop_sequences": ["a"],
        "metadata": {"user_id": "u"},
        "thinking": {"type": "disabled"},
        "stream": True,
    },
    ("anthropic", "/v1/messages/count_tokens"): {
        "model": "m",
        "messages": [{"role": "user", "content": "a"}],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    },
    ("gemini", "/v1beta/models/m:generateContent"): {
        "contents": [
            {
                "role": "user",
                "parts": [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}],
            },
            {"role": "model", "parts": [{"functionCall": {"id": "1", "name": "add", "args": {}}}]},
            {
                "role": "user",
                "parts": [{"functionResponse": {"id": "1", "name": "add", "response": {"output": "x"}}}],
            },
            {"role": "model", "parts": [{"text": "a", "thought": True}, {"fileData": {"fileUri": "x"}}]},
            {"role": "user", "parts": [{"text": "b"}]},
        ],
        "systemInstruction": {"parts": [{"text": "a"}]},
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "add",
                        "parameters": {
                            "type": "OBJECT",
                            "properties": {"a": {"type": "ARRAY", "items": {"type": "STRING"}}},
                            "anyOf": [{"type": "STRING"}],
                        },
                    }
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["add"]}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
        "generationConfig": {
            "maxOutputTokens": 5,
            "stopSequences": ["a"],
            "candidateCount": 1,
            "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 5},
        },
    },
    ("gemini", "/v1beta/models/m:countTokens"): {
        "generateContentRequest": {"model": "models/m", "contents": [{"parts": [{"text": "a"}]}]}
    },
    ("gemini", "/v1beta/models/m:batchEmbedContents"): {
        "requests": [
            {
                "model": "models/m",
                "content": {"parts": [{"text": "a"}]},
                "taskType": "CLUSTERING",
                "outputDimensionality": 3,
            }
        ]
    },
    ("openai", "/v1/embeddings"): {"model": "m", "input": ["a", [1, 2]], "dimensions": 3},
    ("openai", "/v1/rerank"): {"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1},
    ("ollama", "/api/chat"): {
        "model": "m",
        "messages": [
            {"role": "user", "content": "a", "images": []},
            {"role": "assistant", "tool_calls": [{"function": {"name": "add", "arguments": {}}}]},
            {"role": "tool", "tool_name": "add", "content": "x"},
        ],
        "tools": [TOOL],
        "options": {"num_ctx": 100, "num_predict": 5, "stop": ["a"]},
        "think": True,
        "keep_alive": "5m",
    },
    ("ollama", "/api/embed"): {"model": "m", "input": ["a"], "dimensions": 3},
    ("chatglm", "/api/paas/v4/chat/completions"): {
        "model": "m",
        "messages": MESSAGES,
        "tools": [TOOL],
        "stop": ["a"],
        "temperature": 0.5,
        "thinking": {"type": "enabled"},
        "request_id": "a",
    },
    ("chatglm", "/api/paas/v4/embeddings"): {"model": "m", "input": ["a"], "dimensions": 256},
    ("coze", "/v3/chat"): {
        "bot_id": "1",
        "user_id": "u",
        "additional_messages": [QUESTION, OBJECTS],
        "meta_data": {"a": "b"},
        "stream": True,
    },
    ("coze", "/v1/conversation/create"): {"bot_id": "1", "messages": [QUESTION], "meta_data": {"a": "b"}},
}
HEADERS = {"anthropic-version": "2026-10-21"}
ODD = [None, True, 0, -1, 1.5, "", "x", "5m", [], {}, [1], [None], {"a": 1}, [[]], [{}], 10**6]


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where something stands in a body."""
    if place:
        yield place
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from places(inner, (*place, step))


def spoiled(body: Any, chance: random.Random) -> Any:
    """Return a body in which something odd stands somewhere."""
    changed = copy.deepcopy(body)
    *way, last = chance.choice(list(places(changed)))
    where = changed
    for step in way:
        where = where[step]
    where[last] = chance.choice(ODD)
    return changed


@pytest.mark.slow
@pytest.mark.parametrize(("name", "path"), BODIES)
async def test_odd_fields(http: ClientSession, name: str, path: str) -> None:
    chance = random.Random(path)
    async with simulated(name) as sim:
        for _ in range(150):
            body = spoiled(BODIES[name, path], chance)
            async with http.post(f"{sim.origin}{path}", json=body, headers=HEADERS) as response:
                await response.read()
                assert response.status < 500, body
