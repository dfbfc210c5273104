"""A run of a workflow: streamed, taken up by its id, waiting for people where a node asks them.

Sources: coze.cn "Run workflow (streaming)", "Resume workflow", "Query workflow run history"; cozepy 0.20.0. A
stream tells its run's id at its end alone: what breaks off before that may have to be run again. An answer to
a question is taken once: what the run says to it is lost with a process that ends while it listens.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from functools import partial
from typing import Any
from urllib.parse import quote

from mindbot.domain.chat import Chunk, Chunks
from mindbot.domain.errors import NotFound, Rejected, VendorError, WorkflowPaused
from mindbot.domain.message import Json
from mindbot.domain.plain import loads
from mindbot.domain.turn import Turn
from mindbot.providers.errors import refusal_in_stream
from mindbot.providers.shared.documents import NamedDocument
from mindbot.providers.wires.coze_flow_wire import CozeFlowAnswer, answer_of, run_of
from mindbot.workflows.apps import UNREAD, AppCall
from mindbot.workflows.asked import filled, to_upload
from mindbot.workflows.coze.inputs import parameters, wants_file
from mindbot.workflows.coze.run import PASSING, CozeRun
from mindbot.workflows.coze.setup import CozeSetup

_PATIENCE = 3600.0  # seconds that an answer to a question of a run is waited for
_UNKNOWN = "4200"


class CozeFlowRun(CozeRun):
    """See the module and `CozeRun`. With a ``form`` it goes on with a run that waited for that."""

    def __init__(
        self,
        app: CozeSetup,
        turn: Turn,
        call: AppCall,
        *,
        form: Json | None = None,
        action: str = "",
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(app, turn, call)
        self._form = form
        self._action = action
        self._inputs = dict(inputs or {})

    async def started(self) -> Chunks:
        """See `CozeRun.started`."""
        told = bool(self.known.started) or self.known.number > 1
        path, body = await self._asking()
        self.starts += 1
        await self.known.start("", self.app.identity())
        self.call.tell(path, body)
        answer = CozeFlowAnswer(self.client.name, output=self.settings.output_key, hide=self.client.hide)
        opened = partial(self.client.stream, path, body, deadline=self.deadline)
        said: list[str] = []
        try:
            async with aclosing(self.listen(opened, answer)) as chunks:
                async for chunk in chunks:
                    said = [chunk.text] if chunk.afresh else [*said, chunk.text]
                    yield chunk
        except VendorError as exc:
            if self._form is None or exc.code != _UNKNOWN:
                raise
            if not told:
                raise NotFound(f"{self.client.name}: the run does not wait any more", hint=exc.hint) from exc
            raise Rejected(
                f"{self.client.name}: the run was told the answer, and what it said to that never came",
                hint="it has gone on: see its history at Coze",
                code=UNREAD,
            ) from exc
        if answer.interrupt is not None:
            raise self._paused(answer.interrupt, "".join(said), answer.run)
        self.over = True
        yield answer.end()

    async def _asking(self) -> tuple[str, Json]:
        """Return where and with what a run is started, or told to go on."""
        workflow = self.settings.workflow_id
        if (form := self._form) is not None:
            ids = form.get("ids", {})
            told = self._inputs.get("") or self._action or " ".join(map(str, self._inputs.values()))
            return "/v1/workflow/stream_resume", {
                "workflow_id": workflow,
                "event_id": form.get("form_token", ""),
                "resume_data": told,
                "interrupt_type": ids.get("interrupt_type", 0),
            }
        inputs = filled(self.settings.inputs, self.turn, self.call)
        files = []
        for file in to_upload(self.call.files) if wants_file(inputs) else ():
            files.append(await self.client.upload(file, self.deadline))  # noqa: PERF401 - one after the other
        if len(files) < len(self.call.files):
            self.notes["unsent"] = ["files: no input of the workflow is {file}"]
        body: Json = {
            "workflow_id": workflow,
            "parameters": parameters(inputs, self.call.text, self.settings.input_key, files),
            "ext": {"user_id": self.call.user},
        }
        if self.settings.bot_id:
            body["bot_id"] = self.settings.bot_id
        return "/v1/workflow/stream_run", body

    async def see(self, doc: object) -> None:
        """See `CozeRun.see`."""
        if isinstance(doc, NamedDocument) and isinstance(data := doc.doc, dict):
            if run := run_of(data):
                await self.known.know({"execute_id": run})
            self.over = self.over or doc.event in ("Error", "error")
        await super().see(doc)

    def _paused(self, interrupt: Json, said: str, run: str) -> WorkflowPaused:
        """Return that a run waits: for any words, or for one of the choices that its question offers."""
        data = interrupt.get("data")
        asked = _object(data)
        content = str(asked.get("content") or asked.get("question") or "")
        if not content and isinstance(data, str) and not asked:
            content = data
        if not content or content.strip() in said:
            content, said = said, ""
        options = asked.get("options")
        event = str(interrupt.get("event_id") or "")
        ids = {"event_id": event, "interrupt_type": interrupt.get("type", 0)}
        form = {
            "form_token": event,
            "node": str(interrupt.get("node") or ""),
            "content": content,
            "inputs": [],
            "actions": [_action(each) for each in options] if isinstance(options, list) else [],
            "expires": self.app.parts.clock() + _PATIENCE,
            "ids": ids,
        }
        self.over = True
        known = {"event_id": event} | ({"execute_id": run} if run else {})
        return WorkflowPaused(
            f"{self.client.name}: the run waits for an answer", forms=[form], ids=known, said=said
        )

    async def find(self, *, patient: bool = False) -> None:
        """See `CozeRun.find`: nothing lists the runs of a workflow."""

    async def stop(self) -> None:
        """See `CozeRun.stop`: there is no call for it; a run may go on when nobody listens."""

    async def recovered(self) -> Chunks:
        """See `CozeRun.recovered`."""
        self.notes["recovered"] = True
        run = quote(self.known.ids["execute_id"], safe="")
        path = f"/v1/workflows/{quote(self.settings.workflow_id, safe='')}/run_histories/{run}"
        while True:
            try:
                doc = await self.client.send("GET", path, deadline=self.deadline)
            except PASSING:
                await self.looks()
                continue
            rows = doc.get("data")
            row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
            if str(row.get("execute_status", "")).lower() != "running":
                break
            await self.looks()
        self.over = True
        if str(row.get("execute_status", "")).lower() != "success":
            if not row:
                raise Rejected(f"{self.client.name}: nobody knows the run", code="unknown_run")
            error = {"code": row.get("error_code"), "msg": row.get("error_message") or "the run failed"}
            raise refusal_in_stream(self.client.name, error, hide=self.client.hide)
        yield Chunk(answer_of(str(row.get("output") or ""), self.settings.output_key), afresh=True)
        yield Chunk(finish="stop")


def _object(value: Any) -> Json:
    """Return an object, also one that was told as text."""
    if isinstance(value, str):
        try:
            value = loads(value.encode())
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def _action(option: Any) -> Json:
    """Return a choice of a question; what is sent is its words."""
    words = option.get("content") or option.get("name") if isinstance(option, dict) else option
    return {"id": str(words), "title": str(words)}
