"""Workflows: run whole, later, or as a stream of ``id``, ``event``, ``data``; some ask, and go on when told.

Sources: coze.cn "Run workflow", "Run workflow (streaming response)", "Resume workflow", "Query async
execution result"; cozepy 0.20.0. A run's id is told in its debug address: in a stream at the end alone.
Unsure: how the output of a history is nested, the numbers of kinds of interruptions.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mindbot.domain.errors import ConfigError
from mindbot.domain.message import Json
from mindbot.sim.coze.errors import refused
from mindbot.sim.models.conversation import ModelQuestion, ModelReply, Utterance, pieces
from mindbot.sim.models.streams import Frame
from mindbot.sim.server import dumped

_FIRST = 7_500_000_000_000_000_000  # before the number of the first run
_ASKS = 2  # the kind of interruption that a question is
_TEXTS = ("BOT_USER_INPUT", "USER_INPUT", "input", "query")


class CozeFlow(BaseModel):
    """One published workflow.

    ``answer`` is what it says where no script says otherwise; ``{name}``, ``{text}`` and ``{told}`` (what was
    answered to its question) are put in. ``asks`` is a question in the middle, with ``options`` to
    choose from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    answer: str = "echo: {text}"
    latency: float = Field(0.0, ge=0, description="Seconds before it speaks.")
    notices: tuple[str, ...] = Field((), description="What nodes before the last one say.")
    asks: str = ""
    options: tuple[str, ...] = ()
    fails: int = Field(0, description="The code with which it fails; 0: it does not.")
    error: str = "the node Code failed"
    output_key: str = "output"


@dataclass(slots=True, eq=False)
class CozeExecution:
    """One run. ``until`` is when it is over."""

    id: str
    workflow_id: str
    flow: CozeFlow
    user: str
    bot: str
    mode: int
    text: str
    begun: float
    reply: ModelReply
    until: float = float("inf")
    event_id: str = ""  # of the question that waits
    told: str = ""
    fails: int = 0

    @property
    def answer(self) -> str:
        return self.reply.text.replace("{told}", self.told)

    @property
    def debug_url(self) -> str:
        return f"https://www.coze.cn/work_flow?execute_id={self.id}&space_id=1&workflow_id={self.workflow_id}"

    @property
    def usage(self) -> Json:
        output, given = self.reply.tokens, self.reply.prompt_tokens
        return {"token_count": output + given, "output_count": output, "input_count": given}

    def data(self) -> str:
        """Return the output of the run, JSON as text."""
        return dumped({self.flow.output_key: self.answer}).decode()

    def status(self, now: float) -> str:
        if self.event_id or now < self.until:
            return "Running"
        return "Fail" if self.fails else "Success"

    def history(self, now: float, logid: str) -> Json:
        """Return the run as its history tells it."""
        status = self.status(now)
        done = status == "Success"
        return {
            "execute_id": self.id,
            "execute_status": status,
            "bot_id": self.bot or "0",
            "connector_id": "1024",
            "connector_uid": self.user or "1",
            "run_mode": self.mode,
            "logid": logid,
            "create_time": int(self.begun),
            "update_time": int(now),
            "output": dumped({"Output": self.data()}).decode() if done else "",
            "error_code": self.fails if status == "Fail" else 0,
            "error_message": self.flow.error if status == "Fail" else "",
            "debug_url": self.debug_url,
            "usage": self.usage if done else None,
            "is_output_trimmed": False,
        }

    def to_json(self, now: float) -> Json:
        """Return it for tests."""
        told = {"execute_id": self.id, "workflow_id": self.workflow_id, "user": self.user, "text": self.text}
        return {**told, "status": self.status(now), "answer": self.answer, "event_id": self.event_id}


@dataclass(slots=True)
class FlowShelf:
    """All workflows and their runs. Unless ``strict`` any id is a workflow."""

    clock: Callable[[], float]
    strict: bool
    flows: dict[str, CozeFlow] = field(default_factory=dict)
    runs: dict[str, CozeExecution] = field(default_factory=dict)
    _count: int = 0

    def define(self, flows: Mapping[str, Mapping[str, Any]]) -> None:
        """Make workflows, or change them; raises ConfigError."""
        for number, fields in flows.items():
            before = self.flows[number].model_dump() if number in self.flows else {}
            try:
                self.flows[number] = CozeFlow.model_validate({**before, **fields})
            except (ValidationError, TypeError) as exc:
                raise ConfigError(f"the workflow {number} cannot be made: {exc}") from exc

    def flow(self, number: Any) -> CozeFlow:
        """Return a workflow; raises ModelApiError."""
        if not isinstance(number, str) or not number:
            raise refused(4000, "workflow_id is required")
        if number not in self.flows and self.strict:
            raise refused(4200, f"workflow_id={number}")
        return self.flows.get(number) or CozeFlow()

    def begin(self, body: Json, mode: int, reply: ModelReply, text: str) -> CozeExecution:
        """Make a run."""
        self._count += 1
        number, user = str(_FIRST + self._count), (body.get("ext") or {}).get("user_id", "")
        workflow, bot = body["workflow_id"], body.get("bot_id") or ""
        flow = self.flow(workflow)
        run = CozeExecution(
            number, workflow, flow, user, bot, mode, text, self.clock(), reply, fails=flow.fails
        )
        self.runs[number] = run
        return run

    def waiting(self, body: Json) -> CozeExecution:
        """Return the run whose question an answer is for; raises ModelApiError."""
        event = body.get("event_id")
        found = next((run for run in self.runs.values() if event and run.event_id == event), None)
        if found is None or found.workflow_id != body.get("workflow_id"):
            raise refused(4200, f"event_id={event}")
        return found


def flow_question(body: Json, flow: CozeFlow) -> tuple[str, ModelQuestion]:
    """Return the words that a run is given, and what is asked of the model; raises ModelApiError."""
    given = body.get("parameters") or {}
    if not isinstance(given, dict):
        raise refused(4000, "parameters must be an object")
    texts = [given[name] for name in (*_TEXTS, *given) if isinstance(given.get(name), str)]
    text = texts[0] if texts else ""
    return text, flow_asked(body["workflow_id"], flow, text)


def flow_asked(number: str, flow: CozeFlow, text: str) -> ModelQuestion:
    """Return what is asked of the model for these words."""
    said = flow.answer.replace("{name}", number).replace("{text}", text)
    return ModelQuestion(number, [Utterance("user", text)], answer=said)


def _event(number: int, name: str, data: Json) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, name.encode(), dumped(data))


def flow_error(code: int, message: str) -> bytes:
    """Return the event of a failure after the 200."""
    return _event(0, "Error", {"error_code": code, "error_message": message})


def flow_frames(run: CozeExecution, *, resumed: bool = False) -> Iterator[Frame]:
    """Yield the events of a run, or of what follows the answer to its question."""
    count = iter(range(100_000))

    def message(node: str, text: str, place: int, last: bool, **more: Any) -> bytes:
        data = {"content": text, "node_title": node, "node_seq_id": str(place), "node_is_finish": last}
        return _event(next(count), "Message", {**data, "content_type": "text", "ext": None, **more})

    if not resumed:
        for place, notice in enumerate(run.flow.notices):
            yield Frame(message(f"Notice{place + 1}", notice, 0, True), "head")
        if run.flow.asks:
            run.event_id = f"{run.id}/{uuid.uuid4().int % 10**18}"
            yield Frame(message("Question", run.flow.asks, 0, True), "head")
            data = {"content": run.flow.asks, "options": [{"name": o} for o in run.flow.options]}
            shown = dumped(data).decode() if run.flow.options else ""
            interrupt = {"event_id": run.event_id, "type": _ASKS, "data": shown}
            asked = {"interrupt_data": interrupt, "node_title": "Question"}
            yield Frame(_event(next(count), "Interrupt", asked), "closing")
            return
    parts = pieces(run.answer) or [""]
    for place, piece in enumerate(parts if not run.fails else ()):
        last = place == len(parts) - 1
        more = {"usage": run.usage, "token": run.usage["token_count"], "cost": "0"} if last else {}
        yield Frame(message("End", piece, place, last, **more))
    if run.fails:
        error = {"error_code": run.fails, "error_message": run.flow.error, "debug_url": run.debug_url}
        yield Frame(_event(next(count), "Error", error), "closing")
        return
    yield Frame(_event(next(count), "Done", {"debug_url": run.debug_url}), "marker")
