"""A run that is known is taken up to its end: by its events, its details, its message, or a form's answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import anyio

from mindbot.deadlines import now
from mindbot.domain.chat import Chunk, Chunks
from mindbot.domain.errors import Rejected, Truncated, VendorError, WorkflowPaused
from mindbot.domain.message import Json
from mindbot.workflows.dify.listening import PIECES, Listener, RunFailed
from mindbot.workflows.dify.progress import Over, Progress
from mindbot.workflows.dify.recovery import LEFT_PAUSED, Recovery
from mindbot.workflows.dify.setup import GRAPHS

_PAUSED_LOOKS = 1.0  # seconds between looks at a run that should go on


class TakenUp:
    """See the module."""

    def __init__(self, progress: Progress, recovery: Recovery) -> None:
        self._progress = progress
        self._recovery = recovery

    async def answer(self) -> Chunks:
        """Yield the answer of the run that is known, once it is whole.

        Raises:
            RunFailed: the run has failed.
            Over: it can not be taken up.
            VendorError: nobody can be asked; WorkflowPaused where it waits for people.
            TimedOut: the deadline has passed.
        """
        ids = self._progress.remembered.ids
        await self._progress.take_up(ids)
        listener = self._progress.listener()
        run = ids.get("workflow_run_id", "")
        app = self._progress.app
        if run and app.kind in GRAPHS:
            text = await self._outcome(listener, run)
            ids = self._progress.ids
            if not text and ids.get("message_id") and app.kind == "chatflow":
                text = await self._saved(self._progress.listener(), ids)
        elif ids.get("message_id") and ids.get("conversation_id"):
            text = await self._saved(listener, ids)
        else:
            why = f"{app.name}: the stream broke off, and {app.kind} apps keep no answers"
            raise Over(Truncated(why, code="cut"), again=True, lost=True)
        if (chunk := self._progress.whole(text)) is not None:
            yield chunk
        yield self._progress.last(listener)

    async def _outcome(self, listener: Listener, run: str) -> str:
        self._progress.notes["recovered"] = "by its run"
        said = ""
        async with aclosing(self._followed(listener, run)) as docs:
            async for doc in docs:
                said = _joined(said, await listener.take(doc))
                if "task_id" in listener.answer.ids and "task_id" not in self._progress.ids:
                    await self._progress.know(listener.answer.ids)
                if listener.over:
                    break
        return _joined(said, listener.rest())

    async def _followed(self, listener: Listener, run: str) -> AsyncGenerator[Json, None]:
        """Yield the events of a run to its end. One that waits for nobody's answer is given a moment."""
        ends = 0.0
        while True:
            async with aclosing(self._recovery.follow(run, self._progress.deadline)) as docs:
                async for doc in docs:
                    if doc.get("event") == "workflow_paused":
                        break
                    if doc.get("event") not in PIECES:
                        yield doc
                else:
                    return
            if await self._waited_for(listener, run):
                raise await self.paused(listener)
            ends = ends or now() + LEFT_PAUSED
            if now() > ends:
                raise Rejected(
                    f"{self._progress.app.name}: the run stays paused, each of its forms was answered",
                    hint="see the run in Dify's logs",
                    code="workflow_paused",
                )
            await anyio.sleep(_PAUSED_LOOKS)

    async def _saved(self, listener: Listener, ids: Mapping[str, str]) -> str:
        message, talk = ids["message_id"], ids.get("conversation_id", "")
        self._progress.notes["recovered"] = "by its message"
        try:
            row = await self._recovery.message(message, talk, self._progress.deadline)
        except VendorError as exc:
            if exc.code == "unsaved" and self._progress.remembered.left:
                raise Over(exc, again=True) from None  # an older server dropped it when we left it
            if exc.code == "unsaved":
                raise
            raise RunFailed(exc, 0) from None
        said = _joined("", await listener.take({"event": "message", "answer": row["answer"]}))
        end = {"event": "message_end", "files": row.get("message_files")}
        said = _joined(said, await listener.take(end))
        return _joined(said, listener.rest())

    # --- forms

    async def fill_in(self, form: Json, action: str, inputs: Mapping[str, Any]) -> Chunks:
        """Answer a form and yield what the run says from there on; raises as `App.resume`, and RunFailed."""
        app, call = self._progress.app, self._progress.call
        token, ids = str(form.get("form_token", "")), dict(form.get("ids") or {})
        await self._progress.take_up(ids)
        run = ids.get("workflow_run_id", "")
        self._progress.notes["form_answer"] = await app.forms.answer(
            app.client,
            token,
            action,
            inputs,
            user=call.user,
            turn=self._progress.turn.number,
            deadline=self._progress.deadline,
        )
        listener = self._progress.listener()
        try:
            text = await self._outcome(listener, run)
        except (WorkflowPaused, RunFailed):
            await app.forms.was_read(token)
            raise
        before = str(form.get("said", ""))
        if before and text.startswith(before) and text != before:
            text = text.removeprefix(before).lstrip()
        if (chunk := self._progress.whole(text)) is not None:
            yield chunk
        yield self._progress.last(listener)
        await app.forms.was_read(token)  # whoever reads has it all by now

    async def _waited_for(self, listener: Listener, run: str) -> list[Json]:
        """Return the forms of a run that nobody has answered."""
        known = {each["form_token"]: each for each in await self._progress.app.forms.of(run)}
        known |= {each["form_token"]: each for each in listener.forms}
        return await self._progress.app.forms.open(list(known.values()))

    async def paused(self, listener: Listener) -> VendorError:
        """Return that the run waits for people (WorkflowPaused), and keep for what.

        Older servers pause without a form that anybody could answer by the API: that is a failure.
        """
        run, said = self._progress.ids.get("workflow_run_id", ""), "".join(self._progress.shown)
        forms = await self._waited_for(listener, run)
        if not forms:
            return Rejected(
                f"{self._progress.app.name}: the workflow waits for a person, without a form to answer",
                hint="a newer Dify has forms that can be answered from the chat",
                code="workflow_paused",
            )
        forms = [{"said": said, **each, "ids": dict(self._progress.ids)} for each in forms]
        await self._progress.app.forms.note(run, forms)
        await self._progress.steps.close("waits for a person")
        return WorkflowPaused(
            f"{self._progress.app.name}: the workflow waits for a person",
            hint="its form is answered from the chat",
            code="workflow_paused",
            forms=forms,
            ids=self._progress.notes.get("ids", self._progress.ids),
            said=said,
        )


def _joined(said: str, chunk: Chunk | None) -> str:
    if chunk is None:
        return said
    return chunk.text if chunk.afresh else said + chunk.text
