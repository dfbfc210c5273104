"""The words of an answer, piece by piece."""

from __future__ import annotations

import anyio

from mindbot.domain.message import Json
from mindbot.sim.dify.runs import DifyRun
from mindbot.sim.dify.wording import usage
from mindbot.sim.models.conversation import pieces


class RunBroken(Exception):
    """A run ends with an error event of this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def metadata(run: DifyRun) -> Json:
    """Return what is told beside an answer."""
    return {"usage": usage(run.reply), "retriever_resources": list(run.app.sources)}


async def speak(run: DifyRun, event: str, node: str = "llm") -> None:
    """Say the answer, thoughts first.

    Raises:
        RunBroken: the run is to break in the middle.
    """
    run.spoken = True
    text = run.reply.text.replace("{form}", ", ".join(run.decided.values()))
    silent = (event == "text_chunk" and not run.app.chunks) or (run.resumed and run.trouble.loses_words)
    for piece in pieces(run.reply.reasoning):
        thought = {"message_id": run.message, "reasoning": piece, "node_id": node, "is_final": False}
        run.emit("reasoning_chunk", "spoken", data=thought)
    for number, piece in enumerate(pieces(text)):
        if (run.trouble.code or run.trouble.hangs) and number == run.trouble.after:
            break
        if run.pause:
            await anyio.sleep(run.pause)
        run.said += piece
        if silent:
            continue
        where = [node, "text"] if run.flows else None
        if event == "text_chunk":
            run.emit(event, "spoken", data={"text": piece, "from_variable_selector": where})
        else:
            selector = {"from_variable_selector": where} if where else {}
            run.emit(event, "spoken", id=run.message, answer=piece, **selector)
    if run.trouble.hangs:
        await anyio.sleep_forever()
    if run.trouble.code:
        raise RunBroken(run.trouble.code)
