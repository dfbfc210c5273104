"""A run beside the turns: by hand, side by side, in the shadow. Nobody is sent its answer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

from mindbot.deadlines import now
from mindbot.domain import ids
from mindbot.domain.chat import Attachment, Usage
from mindbot.domain.errors import Conflict, MindBotError, Overloaded, WorkflowPaused
from mindbot.domain.message import Message, text_part
from mindbot.domain.shapes.workflows import RunNodeJson, WorkflowRunJson
from mindbot.domain.span import STOPPED, Span
from mindbot.domain.spending import Payer
from mindbot.domain.turn import Turn
from mindbot.telemetry.redaction import told
from mindbot.workflows.apps import AppCall
from mindbot.workflows.manager import Workflows
from mindbot.workflows.members import Member


def message_of(text: str, user: str) -> Message:
    """Return what a run by hand is of: a message that nobody sent."""
    return Message("console", "default", text, "", user, "text", (text_part(text),), {}, received=time.time())


@asynccontextmanager
async def spare_app(workflows: Workflows, name: str) -> AsyncIterator[Member]:
    """Hold a slot that nobody else wants, of an app that is well: for runs that users never wait behind.

    Raises:
        NotFound, Conflict: as `run_aside`.
        BudgetSpent: the workflow has nothing left to spend.
        Overloaded: all its slots are taken, or its apps are left alone.
    """
    standing, settings = workflows.standing, workflows.get(name)
    await workflows.check(Payer(workflow=name))
    slots = standing.slots(name, settings.concurrency)
    well = [member for member in _line(workflows, name) if standing.circuit(member).reason is None]
    if not well:
        raise Overloaded(f"{name}: its apps are left alone")
    if not slots.free:
        raise Overloaded(f"{name}: all slots are taken")
    await slots.enter(0.0)
    counts = standing.late(name), standing.late_of(well[0])
    for late in counts:
        late.in_flight += 1
    try:
        yield well[0]
    finally:
        for late in counts:
            late.in_flight -= 1
        slots.leave()


async def run_aside(
    workflows: Workflows,
    name: str,
    message: Message,
    *,
    user: str,
    files: tuple[Attachment, ...] = (),
    inputs: Mapping[str, Any] | None = None,
    key: str = "hand",
    member: Member | None = None,
) -> WorkflowRunJson:
    """Ask a workflow's first app (or ``member``), of no conversation, and return what came of it, failures
    too, also that nothing is left to spend.

    Raises:
        NotFound: there is no such workflow.
        Conflict: it has no app that may be asked.
    """
    settings = workflows.get(name)
    member = member or _line(workflows, name)[0]
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
            await workflows.check(Payer(workflow=name))
            deadline = now() + settings.timeout * (1 + settings.max_retries)
            text = message.text
            call = AppCall(text, f"{key}:{name}", user, "", files, inputs or {}, deadline=deadline, span=span)
            async with aclosing(workflows.app(member, aside=True).run(turn, call)) as chunks:
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


def _line(workflows: Workflows, name: str) -> list[Member]:
    if not (line := workflows.line(name)):
        raise Conflict(f"the workflow {name!r} has no app that is enabled")
    return line


def _node(span: Span) -> RunNodeJson:
    error = span.data.get("error", "")
    ended = "failed" if span.status in ("error", *STOPPED) else "succeeded"
    return {
        "name": span.name,
        "kind": span.kind,
        "status": ended if span.took >= 0 or ended == "failed" else "running",
        "took_ms": round(span.took * 1000, 3) if span.took >= 0 else None,
        "error": str(error.get("message", "") if isinstance(error, dict) else error),
    }
