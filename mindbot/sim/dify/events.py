"""A run as Dify streams it: one ``data:`` line an event, whose name stands inside; no end marker.

Sources: Service API, "Streaming events"; langgenius/dify, `api/core/app/apps/*`. What kinds of apps send:

- ``chat``: pieces, then ``message_end``
- ``agent-chat``: a thought, pieces, the thought again with the same words, ``message_end``
- ``agent``: pieces as ``agent_message``, the whole as ``message``, ``message_end``
- ``advanced-chat``: a workflow's events around the pieces, ``message_end``, then ``workflow_finished``
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from mindbot.domain.message import Json
from mindbot.sim.dify.errors import CODES, worded
from mindbot.sim.models.conversation import ModelReply, pieces
from mindbot.sim.models.streams import Frame, StreamShape

Mode = Literal["chat", "agent-chat", "agent", "advanced-chat"]
_A_TOKEN = 0.000002  # what one costs, in dollars


@dataclass(frozen=True, slots=True)
class AppRun:
    """One run of an app. A ``node`` that is named fails, with ``error``."""

    task: str
    message: str
    conversation: str
    workflow_run: str
    created: int
    mode: Mode = "chat"
    node: str = ""
    error: str = ""

    def event(self, name: str, **fields: Any) -> bytes:
        """Return an event with the ids that all have."""
        ids: Json = {
            "event": name,
            "task_id": self.task,
            "message_id": self.message,
            "conversation_id": self.conversation,
            "created_at": self.created,
        }
        if self.mode == "advanced-chat":
            ids["workflow_run_id"] = self.workflow_run
        return _event({**ids, **fields})


def _event(doc: Json) -> bytes:
    return b"data: " + orjson.dumps(doc) + b"\n\n"


def error_event(code: str) -> bytes:
    """Return the event of a failure after the 200."""
    status = CODES.get(code, (500, ""))[0]
    return _event({"event": "error", "message_id": "", **worded(status, code)})


SHAPE = StreamShape(
    error=lambda code: error_event(code or "internal_server_error"), comment=b"event: ping\n\n"
)


def usage(reply: ModelReply) -> Json:
    """Return what an answer has used; prices are decimals, as text."""
    asked, told = reply.prompt_tokens, reply.tokens
    return {
        "prompt_tokens": asked,
        "completion_tokens": told,
        "total_tokens": asked + told,
        "total_price": f"{(asked + told) * _A_TOKEN:.7f}",
        "currency": "USD",
        "latency": 0.5,
    }


def whole(run: AppRun, reply: ModelReply) -> Json:
    """Return the answer of a blocking call."""
    metadata = {"usage": usage(reply), "retriever_resources": []}
    return {
        "event": "message",
        "task_id": run.task,
        "id": run.message,
        "message_id": run.message,
        "conversation_id": run.conversation,
        "mode": run.mode,
        "answer": reply.text,
        "metadata": metadata,
        "created_at": run.created,
    }


def frames(run: AppRun, reply: ModelReply) -> Iterator[Frame]:
    """Yield the events of a run."""
    yield from _beginning(run)
    if run.node:
        yield from _failure(run)
        return
    agent = run.mode.startswith("agent")
    thought: Json = {"id": f"{run.message}-1", "position": 1, "observation": "", "tool": "", "tool_input": ""}
    if run.mode == "agent-chat":
        yield Frame(run.event("agent_thought", **thought, thought=""), "between")
    for piece in pieces(reply.reasoning):
        yield Frame(run.event("reasoning_chunk", data={"reasoning": piece, "is_final": False}))
    for piece in pieces(reply.text):
        yield Frame(run.event("agent_message" if agent else "message", id=run.message, answer=piece))
    if run.mode == "agent-chat":
        yield Frame(run.event("agent_thought", **thought, thought=reply.text), "closing")
    if run.mode == "agent":
        yield Frame(run.event("message", id=run.message, answer=reply.text), "closing")
    metadata = {"usage": usage(reply), "retriever_resources": []}
    yield Frame(run.event("message_end", id=run.message, metadata=metadata, files=None), "closing")
    if run.mode == "advanced-chat":
        tokens = reply.prompt_tokens + reply.tokens
        yield Frame(_finished(run, "succeeded", {"answer": reply.text}, None, tokens), "closing")


def _beginning(run: AppRun) -> Iterator[Frame]:
    if run.mode == "advanced-chat":
        started = {"id": run.workflow_run, "workflow_id": "w1", "inputs": {}, "reason": "initial"}
        yield Frame(run.event("workflow_started", data=started), "head")
        node = {"id": "n1", "node_id": "llm", "node_type": "llm", "title": run.node or "LLM", "index": 1}
        yield Frame(run.event("node_started", data=node), "head")


def _failure(run: AppRun) -> Iterator[Frame]:
    node = {"id": "n1", "node_id": "llm", "node_type": "llm", "title": run.node, "index": 1}
    failed = {**node, "status": "failed", "error": run.error, "outputs": None}
    yield Frame(run.event("node_finished", data=failed), "closing")
    yield Frame(_finished(run, "failed", {}, run.error, 0), "closing")
    yield Frame(error_event("completion_request_error"), "closing")


def _finished(run: AppRun, status: str, outputs: Json, error: str | None, tokens: int) -> bytes:
    data = {
        "id": run.workflow_run,
        "workflow_id": "w1",
        "status": status,
        "outputs": outputs,
        "error": error,
        "total_tokens": tokens,
        "total_steps": 1,
    }
    return run.event("workflow_finished", data=data)
