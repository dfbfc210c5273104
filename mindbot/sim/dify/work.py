"""What a run does from its beginning to its end: thoughts, words, nodes, and how each kind of app closes.

Sources: Service API, "Streaming events"; langgenius/dify, `easy_ui_based_generate_task_pipeline.py`,
`advanced_chat/generate_task_pipeline.py` (after a stop the order of the last two events is the reverse).
"""

from __future__ import annotations

import anyio

from mindbot.domain.message import Json
from mindbot.sim.dify.forms import FormDesk
from mindbot.sim.dify.graph import GraphWalk, NodeBroken
from mindbot.sim.dify.runs import DifyRun
from mindbot.sim.dify.wording import error_event
from mindbot.sim.dify.words import RunBroken, metadata, speak


async def carry_out(run: DifyRun, forms: FormDesk) -> None:
    """Do a run. What stops it cancels its scope."""
    with run.scope:
        try:
            await (_flow(run, forms) if run.flows else _plain(run))
        except NodeBroken as broken:
            _break_off(run, "completion_request_error", broken.error)
        except RunBroken as broken:
            _break_off(run, broken.code, "")
    if run.scope.cancelled_caught and not run.trouble.dies:
        _stopped(run)
    run.over = True
    run.wake()


async def _plain(run: DifyRun) -> None:
    """Do a run of an app without nodes."""
    await anyio.sleep(run.think)
    position = 0
    if run.mode == "agent-chat":
        for tool in run.app.tools:
            position += 1
            await _tool(run, position, tool)
        run.emit("agent_thought", "between", **_thought(run, position + 1))
    for url in run.app.pictures:
        picture = {"id": f"{run.message}-f", "type": "image", "belongs_to": "assistant", "url": url}
        run.drawn.append(picture)
        run.emit("message_file", **picture)
    await speak(run, "agent_message" if run.mode.startswith("agent") else "message")
    if run.mode == "agent-chat":
        run.emit("agent_thought", "closing", **_thought(run, position + 1, thought=run.said))
    if run.mode == "agent":
        run.emit("message", "closing", id=run.message, answer=run.said)
    _replace(run)
    _close(run, "succeeded")
    _message_end(run)
    _audio(run)


def _thought(run: DifyRun, position: int, **filled: str) -> Json:
    blank = {"thought": "", "observation": "", "tool": "", "tool_input": "", "tool_labels": {}}
    return {"id": f"{run.message}-{position}", "position": position, **blank, "message_files": [], **filled}


async def _tool(run: DifyRun, position: int, tool: Json) -> None:
    name, given = str(tool.get("tool", "search")), str(tool.get("tool_input", "{}"))
    called = {"tool": name, "tool_input": given, "thought": str(tool.get("thought", ""))}
    run.emit("agent_thought", "head", **_thought(run, position))
    run.emit("agent_thought", "head", **_thought(run, position, **called))
    await anyio.sleep(float(tool.get("ms", 0)) / 1000)
    seen = {**called, "observation": str(tool.get("observation", "nothing found"))}
    run.emit("agent_thought", "head", **_thought(run, position, **seen))


async def _flow(run: DifyRun, forms: FormDesk) -> None:
    """Do a run of an app with nodes."""
    started = {"id": run.workflow_run, "workflow_id": run.workflow, "inputs": run.inputs}
    run.emit(
        "workflow_started", "head", data={**started, "created_at": int(run.created), "reason": "initial"}
    )
    await GraphWalk(run, forms).walk(run.app.nodes)
    if not run.spoken:
        await speak(run, _words_of(run))
    _replace(run)
    key = run.app.output_key if run.mode == "workflow" else "answer"
    run.outputs = {key: run.said}
    _close(run, "succeeded" if not run.excused else "partial-succeeded")
    if run.mode == "advanced-chat":
        _message_end(run)
    workflow_finished(run)
    _audio(run)


def _words_of(run: DifyRun) -> str:
    return "message" if run.mode == "advanced-chat" else "text_chunk"


def _replace(run: DifyRun) -> None:
    if run.app.replaced and run.mode != "workflow":
        run.said = run.app.replaced
        run.emit("message_replace", "closing", answer=run.said, reason="output_moderation")


def _close(run: DifyRun, status: str) -> None:
    run.status = status  # type: ignore[assignment]  # one of those it may have
    run.finished = run.clock()


def _message_end(run: DifyRun) -> None:
    run.emit("message_end", "closing", id=run.message, metadata=metadata(run), files=None)


def _audio(run: DifyRun) -> None:
    """Play the answer: the audio's end comes behind the event that ends the answer."""
    if run.app.speaks:
        run.emit("tts_message", "closing", audio="AAAA")
        run.emit("tts_message_end", "closing", audio="")


def workflow_finished(run: DifyRun) -> None:
    """Send how a run with nodes ended."""
    more = {"total_steps": run.steps, "created_by": {"id": run.user, "user": run.user}, "files": []}
    data = {**run.detail(), **more, "exceptions_count": int(run.excused)}
    data.pop("inputs")
    run.emit("workflow_finished", "closing", data=data)


def _stopped(run: DifyRun) -> None:
    """End a run that was stopped: what was said by then is kept."""
    _close(run, "stopped")
    if run.flows:
        workflow_finished(run)
    if run.mode != "workflow":
        _message_end(run)


def _break_off(run: DifyRun, code: str, error: str) -> None:
    """End a run that failed. Of the kinds with nodes the one that has messages sends an error event too."""
    run.error = error or code
    _close(run, "failed")
    if run.flows and error:
        workflow_finished(run)
    if run.mode != "workflow" or not error:
        ids = {"message_id": run.message, "conversation_id": run.conversation}
        event = error_event(code, error, **(ids if run.mode != "workflow" else {}))
        run.send("error", event, "closing")
