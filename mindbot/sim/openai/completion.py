"""A completion that is not streamed, and what both kinds have in common: usage and reasoning by face."""

from __future__ import annotations

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import ModelReply
from mindbot.sim.openai.chat import finish, tool_call, usage
from mindbot.sim.openai.faces import SimulatedFace


def face_usage(reply: ModelReply, face: SimulatedFace) -> Json:
    """Return what an answer has used, with what the face tells besides."""
    return {**usage(reply), **face.spent(reply)}


def reasoning_fields(text: str, face: SimulatedFace) -> Json:
    """Return the fields that hold a piece of reasoning."""
    values: Json = {}
    for name in face.reasoning:
        if name == "reasoning_details":
            detail = {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}
            values[name] = [detail]
        else:
            values[name] = text
    return values


def completion(reply: ModelReply, head: Json, face: SimulatedFace, *, odd: bool = False) -> Json:
    """Return an answer that is not streamed; ``odd``: with "stop" beside tool calls."""
    message: Json = {
        "role": "assistant",
        "content": reply.text or (None if reply.calls else ""),
        "refusal": None,
        "annotations": [],
    }
    if reply.reasoning:
        message |= reasoning_fields(reply.reasoning, face)
    if reply.calls:
        message["tool_calls"] = [tool_call(call) for call in reply.calls]
    reason = "stop" if odd and reply.calls else finish(reply)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason, **face.choice}
    if "native_finish_reason" in choice:
        choice["native_finish_reason"] = reason
    first = {name: value for name, value in (face.first or {}).items() if name != "choices"}
    whole = {**head, **face.chunk, "object": "chat.completion", "choices": [choice], **first}
    return {**whole, "usage": face_usage(reply, face), **face.told(reply)}
