"""The official Python SDK of Z.ai does one thing, and prints what it got as JSON.

Run by the environment of the referees: BASE_URL KEY WHAT [MORE…]. It has no asynchronous calls.
"""

import json
import sys
from typing import Any

import zai
from zai.core import APIResponseError, APIStatusError

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
BASE_URL, KEY, WHAT, *MORE = sys.argv[1:]


def near(key: str = KEY, **more: Any) -> zai.ZaiClient:
    return zai.ZaiClient(api_key=key, base_url=BASE_URL, max_retries=0, **more)


def asked(text: Any, **more: Any) -> dict[str, Any]:
    return {"model": "glm-5.3", "messages": [{"role": "user", "content": text}], **more}


def plain() -> Any:
    """Once with the key as it is, once with a JWT of it; the SDK strips the head of a data URL."""
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    found = []
    for more in ({}, {"disable_token_cache": False}):
        content = [{"type": "text", "text": "look"}, dict(picture)]
        answer = near(**more).chat.completions.create(**asked(content, temperature=1.0, request_id="mine-1"))
        found.append(answer.model_dump(mode="json"))
    return found


def stream() -> Any:
    said, thought, usage, reason = "", "", None, None
    request = asked("你好, wide world", stream=True, thinking={"type": "enabled"})
    for chunk in near().chat.completions.create(**request):
        delta = chunk.choices[0].delta
        said += delta.content or ""
        thought += delta.reasoning_content or ""
        reason = chunk.choices[0].finish_reason or reason
        usage = chunk.usage or usage
    return {"said": said, "thought": thought, "reason": reason, "usage": usage and usage.model_dump()}


def tools() -> Any:
    found = []
    for tool_stream in (False, True):
        request = asked('call add({"a": 1, "b": "二"})', tools=[ADD], tool_choice="auto")
        calls: dict[int, dict[str, str]] = {}
        for chunk in near().chat.completions.create(**request, stream=True, tool_stream=tool_stream):
            for call in chunk.choices[0].delta.tool_calls or ():
                mine = calls.setdefault(call.index, {"id": call.id or "", "name": "", "arguments": ""})
                mine["name"] += (call.function and call.function.name) or ""
                mine["arguments"] += (call.function and call.function.arguments) or ""
        found.append([[call["name"], call["arguments"]] for call in calls.values()])
    answer = near().chat.completions.create(**request)
    message = answer.choices[0].message.model_dump(exclude_none=True)
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "3"}
    request["messages"] += [message, result]
    second = near().chat.completions.create(**request)
    return {"streams": found, "answer": second.choices[0].message.content}


def vectors() -> Any:
    found = near().embeddings.create(model="embedding-3", input=["one", "two"], dimensions=256)
    return [len(item.embedding) for item in found.data]


def errors() -> Any:
    """Use each key of ``MORE``: the simulator refuses it for what it is called."""
    found = {}
    for key in MORE:
        try:
            near(key).chat.completions.create(**asked("hi"))
        except APIStatusError as exc:
            found[key] = [type(exc).__name__, exc.status_code, exc.response.json()["error"]["code"]]
    return found


def broken() -> Any:
    said = ""
    try:
        for chunk in near().chat.completions.create(**asked("a long story", stream=True)):
            said += chunk.choices[0].delta.content or ""
    except APIResponseError as exc:
        return [said, exc.json_data]
    return said


print(json.dumps(globals()[WHAT]()))
