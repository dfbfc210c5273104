"""Runs: objects of the server, which go on whoever listens to them.

Sources: Service API, "Streaming events", "Get workflow run detail"; langgenius/dify,
`app_generate_service.py`: runs of workflows and chatflows are done by a worker; `message_generator.py`: what
a listener gets.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio

from mindbot.domain.message import Json
from mindbot.sim.dify.apps import FLOWS, DifySimApp, Mode
from mindbot.sim.dify.rules import DifyServerRules
from mindbot.sim.dify.wording import PING, encoded
from mindbot.sim.models.conversation import ModelReply
from mindbot.sim.models.streams import Frame

RunStatus = Literal["running", "succeeded", "failed", "stopped", "paused", "partial-succeeded"]


_SAID = Frame(b"")  # in place of an event that nobody reads any more


@dataclass(slots=True)
class RunTrouble:
    """What goes wrong in a run on purpose.

    ``node`` is the title of a node that fails with ``error``. ``code`` ends the run with an error event, and
    ``hangs`` lets it stand for ever, after so many pieces (``after``). ``dies``: with its listener, as on
    servers where the request did the work. ``loses_words``: no pieces come after a resumption.
    """

    node: str = ""
    error: str = ""
    code: str = ""
    after: int = 0
    hangs: bool = False
    dies: bool = False
    stays_paused: bool = False
    loses_words: bool = False


@dataclass(slots=True, eq=False)
class DifyRun:
    """One run. ``events`` are those it has sent, by name; whoever listens gets them as they come."""

    app: DifySimApp
    mode: Mode
    user: str
    text: str
    inputs: Json
    task: str
    message: str
    conversation: str
    workflow_run: str
    created: float
    clock: Callable[[], float]
    rules: DifyServerRules
    reply: ModelReply
    trouble: RunTrouble = field(default_factory=RunTrouble)
    files: list[Json] = field(default_factory=list)
    workflow: str = "w1"
    turn: int = 1
    think: float = 0.0  # seconds before it speaks
    pause: float = 0.0  # seconds before each piece
    status: RunStatus = "running"
    said: str = ""  # so far
    outputs: Json = field(default_factory=dict)
    error: str | None = None
    steps: int = 0
    finished: float = 0.0
    over: bool = False  # nothing more comes
    spoken: bool = False
    resumed: bool = False  # a form was answered
    excused: bool = False  # a node failed, and the run went on
    rating: Json | None = None
    drawn: list[Json] = field(default_factory=list)  # pictures by tools
    decided: dict[str, str] = field(default_factory=dict)  # by form token
    events: list[tuple[str, Frame]] = field(default_factory=list)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _changed: anyio.Event = field(default_factory=anyio.Event)
    _listeners: int = 0

    @property
    def flows(self) -> bool:
        """Whether it has nodes."""
        return self.mode in FLOWS

    @property
    def tokens(self) -> int:
        return self.reply.prompt_tokens + self.reply.tokens

    @property
    def elapsed(self) -> float:
        return (self.finished or self.clock()) - self.created

    def event(self, name: str, **fields: Any) -> Json:
        """Return an event with the ids that all of its kind of run have."""
        ids: Json = {"event": name, "task_id": self.task}
        if self.mode != "workflow":
            ids |= {"message_id": self.message, "created_at": int(self.created)}
        if self.conversation:
            ids["conversation_id"] = self.conversation
        if self.flows:
            ids["workflow_run_id"] = self.workflow_run
        return {**ids, **fields}

    def emit(self, name: str, part: str = "", **fields: Any) -> None:
        """Send an event to all who listen."""
        self.send(name, self.event(name, **fields), part)

    def send(self, name: str, doc: Json, part: str = "") -> None:
        """Send an event as it is given. Without ``part``: by whether anything has been said."""
        given: Any = part or ("closing" if self.said else "head")
        self.events.append((name, Frame(encoded(doc, self.rules, len(self.events) + 1), given)))
        self._tell()

    def wake(self) -> None:
        """Let those who listen look again."""
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def ended(self) -> None:
        """Wait until nothing more comes, or a person is waited for."""
        while not self.over and self.status != "paused":
            await self._changed.wait()

    async def listen(self, since: int = 0, *, through_pauses: bool = False) -> AsyncGenerator[Frame]:
        """Yield the frames from the event ``since`` on, with a ping where nothing comes."""
        self._listeners += 1
        try:
            async for frame in self._frames(since, through_pauses):
                yield frame
        finally:
            self._listeners -= 1

    def shrink(self) -> None:
        """Forget what its events said, once it is over and nobody listens: a long test has many runs."""
        if self.over and not self._listeners:
            kept = ("workflow_finished",)
            self.events = [(name, frame if name in kept else _SAID) for name, frame in self.events]

    async def _frames(self, since: int, through_pauses: bool) -> AsyncGenerator[Frame]:
        at, quiet = since, 0.0
        if self.flows and self.rules.first_ping:
            yield Frame(PING, "head")
        while True:
            while at < len(self.events):
                name, frame = self.events[at]
                at, quiet = at + 1, 0.0
                yield frame
                if name == "workflow_paused" and not through_pauses and self.status == "paused":
                    return
            if self.over or quiet >= self.rules.silence:
                return
            with anyio.move_on_after(self.rules.ping_every) as waiting:
                await self._changed.wait()
            if waiting.cancelled_caught:
                quiet += self.rules.ping_every
                yield Frame(PING, "head")

    def detail(self) -> Json:
        """Return what is told of a run of a workflow."""
        over = self.finished > 0
        return {
            "id": self.workflow_run,
            "workflow_id": self.workflow,
            "status": self.status,
            "inputs": self.inputs,
            "outputs": self.outputs if over else {},
            "error": self.error,
            "total_steps": self.steps,
            "total_tokens": self.tokens if over else 0,
            "created_at": int(self.created),
            "finished_at": int(self.finished) if over else None,
            "elapsed_time": self.elapsed,
        }

    def to_json(self) -> Json:
        """Return it for tests."""
        return {
            "app": self.app.name,
            "mode": self.mode,
            "user": self.user,
            "text": self.text,
            "inputs": self.inputs,
            "files": self.files,
            "task_id": self.task,
            "message_id": self.message,
            "conversation_id": self.conversation,
            "workflow_run_id": self.workflow_run if self.flows else "",
            "status": self.status,
            "said": self.said,
            "error": self.error,
            "rating": self.rating,
            "events": [name for name, _ in self.events],
        }


async def again(run: DifyRun, *, snapshot: bool, through_pauses: bool) -> AsyncGenerator[Frame]:
    """Yield what comes of a run from now on; ``snapshot``: the states of its nodes before."""
    if run.over:
        ended = [frame for name, frame in run.events if name == "workflow_finished"]
        if ended:
            yield Frame(ended[-1].data.replace(run.task.encode(), run.workflow_run.encode()), "closing")
        return
    since = len(run.events)
    if snapshot:
        for name, frame in run.events[:since]:
            if name.startswith(("workflow_", "node_", "human_")):
                yield Frame(frame.data, "head")
        if run.status == "paused" and not through_pauses:
            return
    async for frame in run.listen(since, through_pauses=through_pauses):
        yield frame
