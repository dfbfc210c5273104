"""How runs begin: what was asked for is read and checked, and what goes wrong on purpose is decided."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mindbot.domain.message import Json
from mindbot.sim.dify.apps import DifySimApp, Mode
from mindbot.sim.dify.asking import DifyCall, check_files, check_inputs, mode_of, text_of
from mindbot.sim.dify.desk import DifyDesk, DifyTalk
from mindbot.sim.dify.errors import refused
from mindbot.sim.dify.runs import DifyRun, RunTrouble
from mindbot.sim.faults import Fault, FaultKind, kind
from mindbot.sim.models.conversation import ModelQuestion, ModelReply, Utterance

#: Faults of a run, decided when it begins; the run itself fails, not only the call.
RUN_KINDS: Mapping[str, FaultKind] = {
    "node-failed": kind("node", "error"),  # a node of a workflow or chatflow fails, and with it the run
    "run-failed": kind("code", chunks=True),  # the run ends with an error event
    "run-hangs": kind(chunks=True),  # the run never comes to an end, and says no more than `after` pieces
    "run-dies": kind(),  # with its listener, as on servers where the request does the work
    "stays-paused": kind(),  # a run goes on waiting when its forms are filled in
    "no-words-after-form": kind(),  # a resumed run sends no pieces; its outputs have the answer
}


def trouble_of(struck: Iterable[Fault]) -> RunTrouble:
    """Return what goes wrong in a run that these faults struck."""
    trouble = RunTrouble()
    for fault in struck:
        match fault.kind:
            case "node-failed":
                trouble.node = fault.options.get("node", "LLM")
                trouble.error = fault.options.get("error", "it broke")
            case "run-failed":
                trouble.code = fault.options.get("code", "internal_server_error")
                trouble.after = fault.count("after", 0)
            case "run-hangs":
                trouble.hangs = True
                trouble.after = fault.count("after", 0)
            case "run-dies":
                trouble.dies = True
            case "stays-paused":
                trouble.stays_paused = True
            case "no-words-after-form":
                trouble.loses_words = True
    return trouble


@dataclass(frozen=True, slots=True)
class DifyStart:
    """A run that was asked for. ``talk`` is the conversation it goes on with."""

    app: DifySimApp
    mode: Mode
    user: str
    text: str
    inputs: Json
    files: list[Json]
    talk: DifyTalk | None
    turn: int
    workflow: str

    @property
    def question(self) -> ModelQuestion:
        """What the model is asked, and what the app says where no script says otherwise."""
        pictures = sum(file["type"] == "image" for file in self.files)
        said = self.app.said(text=self.text, user=self.user, turn=self.turn)
        return ModelQuestion(self.app.name, [Utterance("user", self.text, pictures=pictures)], answer=said)

    def begin(self, desk: DifyDesk, reply: ModelReply, trouble: RunTrouble) -> DifyRun:
        """Make the run, and where it needs one its conversation."""
        talk = self.talk
        if talk is None and self.mode not in ("workflow", "completion"):
            talk = desk.open(self.app, self.user, self.inputs)
        if talk is not None:
            talk.updated = desk.clock()
        task, message, workflow_run = (str(uuid.uuid4()) for _ in range(3))
        run = DifyRun(
            self.app, self.mode, self.user, self.text, self.inputs,
            task, message, talk.id if talk else "", workflow_run,
            desk.clock(), desk.clock, desk.rules, reply, trouble, self.files, self.workflow, self.turn,
        )  # fmt: skip
        desk.keep(run)
        return run


def read_start(desk: DifyDesk, call: DifyCall, family: str, usual: Mode, *, strict: bool) -> DifyStart:
    """Read what a run is asked for; ``usual`` is the kind of a chat app that nothing is known of.

    Raises:
        ModelApiError: the app does not take it.
    """
    app, body = call.app, call.body
    mode = mode_of(app, family, usual)
    text = body.get("query") or ""
    if family == "chat" and (not isinstance(text, str) or not text):
        raise refused("invalid_param", "query is required")
    user, streamed = call.user(), body.get("response_mode") == "streaming"
    inputs = check_inputs(app, body.get("inputs"))
    if not streamed and mode == "agent":
        raise refused("bad_request")
    if not streamed and mode == "agent-chat":
        raise refused("invalid_param", "Agent Chat App does not support blocking mode")
    files = check_files(body.get("files"), user, desk.files)
    talk = None
    if family == "chat" and "conversation_id" in body and (body["conversation_id"] or strict):
        talk = desk.talk(body["conversation_id"], app, user)
        if talk.status == "completed":
            raise refused("conversation_completed")
    if not text:
        text = text_of(app, inputs)
    turn = len(talk.runs) + 1 if talk else 1
    workflow = call.args.get("workflow", "w1")
    return DifyStart(app, mode, user, text, inputs, files, talk, turn, workflow)
