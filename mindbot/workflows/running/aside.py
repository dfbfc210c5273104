"""A run beside the turns: by hand, side by side, in the shadow. Nobody is sent its answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from mindbot.deadlines import now
from mindbot.domain import ids
from mindbot.domain.chat import Attachment, Usage
from mindbot.domain.errors import Conflict, MindBotError, WorkflowPaused
from mindbot.domain.message import Message, text_part
from mindbot.domain.shapes.workflows import RunNodeJson, WorkflowRunJson
from mindbot.domain.span import Span
from mindbot.domain.spending import Payer
from mindbot.domain.turn import Turn
from mindbot.telemetry.redaction import told
from mindbot.workflows.apps import AppCall
from mindbot.workflows.manager import Workflows


def message_of(text: str, user: str) -> Message:
    """Return what a run by hand is of: a message that nobody sent."""
    return Message("console", "default", text, "", user, "text", (text_part(text),), {}, received=time.time())


async def run_aside(
    workflows: Workflows,
    name: str,
    message: Message,
    *,
    user: str,
    files: tuple[Attachment, ...] = (),
    inputs: Mapping[str, Any] | None = None,
    key: str = "hand",
) -> WorkflowRunJson:
    """Ask a workflow's first app, of no conversation, and return what came of it, failures too.

    Raises:
        NotFound: there is no such workflow.
        Conflict: it has no app that may be asked.
    """
    settings = workflows.get(name)
    line = workflows.line(name)
    if not line:
        raise Conflict(f"the workflow {name!r} has no app that is enabled")
    turn = Turn(ids.new_id(), message, state="running")
    made: WorkflowRunJson = {
        "workflow": name,
        "answer": "",
        "status": "succeeded",
        "error": "",
        "took_ms": 0.0,
        "tokens": 0,
        "ids": {},
        "nodes": [],
    }
    pieces: list[str] = []
    usage: Usage | None = None
    begun = time.monotonic()
    try:
        async with turn.span("workflow", name) as span:
            deadline = now() + settings.timeout * (1 + settings.max_retries)
            text = message.text
            call = AppCall(text, f"{key}:{name}", user, "", files, inputs or {}, deadline=deadline, span=span)
            async with aclosing(workflows.app(line[0], aside=True).run(turn, call)) as chunks:
                async for chunk in chunks:
                    if chunk.afresh:
                        pieces.clear()
                    pieces.append(chunk.text)
                    usage = chunk.usage or usage
                    made["ids"] = chunk.notes.get("ids") or made["ids"]
    except WorkflowPaused as paused:
        made["status"], made["error"], made["ids"] = "paused", told(paused), paused.ids
        pieces = [paused.said]
    except MindBotError as failure:
        made["status"], made["error"] = "failed", told(failure)
    if usage is not None:
        made["tokens"] = usage.input_tokens + usage.output_tokens
        await workflows.charge(Payer(workflow=name), usage)
    made["answer"] = "".join(pieces)
    made["took_ms"] = round((time.monotonic() - begun) * 1000, 3)
    made["nodes"] = [_node(span) for span in turn.spans if span.kind != "workflow"]
    return made


def _node(span: Span) -> RunNodeJson:
    error = span.data.get("error", "")
    return {
        "name": span.name,
        "kind": span.kind,
        "status": "failed" if span.status == "error" else "succeeded" if span.took >= 0 else "running",
        "took_ms": round(span.took * 1000, 3) if span.took >= 0 else None,
        "error": str(error.get("message", "") if isinstance(error, dict) else error),
    }
