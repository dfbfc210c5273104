"""What a Dify server keeps: apps, runs, conversations, files, forms, knowledge.

Keys and users keep theirs apart.

Sources: Service API; langgenius/dify, `message_service.py`, `conversation_service.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from mindbot.domain.message import Json
from mindbot.sim.dify.apps import AppShelf, DifySimApp
from mindbot.sim.dify.asking import unique
from mindbot.sim.dify.errors import refused
from mindbot.sim.dify.forms import FormDesk
from mindbot.sim.dify.library import KnowledgeShelf
from mindbot.sim.dify.rules import DifyServerRules
from mindbot.sim.dify.runs import DifyRun

GONE = "Conversation Not Exists."


@dataclass(slots=True, eq=False)
class DifyTalk:
    """One conversation."""

    id: str
    app: str  # the app's key
    user: str
    name: str
    inputs: Json
    created: float
    updated: float
    status: str = "normal"
    variables: Json = field(default_factory=dict)
    runs: list[DifyRun] = field(default_factory=list)  # the oldest first

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "inputs": self.inputs,
            "status": self.status,
            "introduction": "",
            "created_at": int(self.created),
            "updated_at": int(self.updated),
        }


class DifyDesk:
    """See the module. ``runs`` are by task, in the order they began; `keep` takes one."""

    def __init__(
        self, apps: AppShelf, library: KnowledgeShelf, rules: DifyServerRules, clock: Callable[[], float]
    ) -> None:
        self.apps = apps
        self.library = library
        self.rules = rules
        self.clock = clock
        self.forms = FormDesk(clock)
        self.files: dict[str, Json] = {}
        self.runs: dict[str, DifyRun] = {}
        self._messages: dict[str, DifyRun] = {}
        self._flows: dict[str, DifyRun] = {}
        self.talks: dict[str, DifyTalk] = {}
        self.stopped: list[str] = []

    def clear(self) -> None:
        """Forget what happened; runs that go on are stopped without a word."""
        for run in self.runs.values():
            run.trouble.dies = True
            run.scope.cancel()
        self.files.clear()
        for runs in (self.runs, self._messages, self._flows):
            runs.clear()
        self.talks.clear()
        self.stopped.clear()
        self.forms.clear()
        self.library.clear()

    def talk(self, number: str, app: DifySimApp, user: str) -> DifyTalk:
        """Return a conversation; raises ModelApiError where there is none of this app and user."""
        found = self.talks.get(unique(number))
        if found is None or (found.app, found.user) != (app.key, user):
            raise refused("not_found", GONE)
        return found

    def open(self, app: DifySimApp, user: str, inputs: Json) -> DifyTalk:
        """Begin a conversation."""
        now = self.clock()
        talk = DifyTalk(str(uuid.uuid4()), app.key, user, "New conversation", inputs, now, now)
        self.talks[talk.id] = talk
        return talk

    def keep(self, run: DifyRun) -> None:
        """Take a run that begins."""
        self.runs[run.task] = run
        if run.mode != "workflow":
            self._messages[run.message] = run
        if run.flows:
            self._flows[run.workflow_run] = run
        if run.conversation:
            self.talks[run.conversation].runs.append(run)

    def message(self, number: str, app: DifySimApp) -> DifyRun:
        """Return a run by its message; raises ModelApiError."""
        found = self._messages.get(number)
        if found is None or found.app.key != app.key:
            raise refused("not_found", "Message Not Exists.")
        return found

    def flow(self, number: str, app: DifySimApp) -> DifyRun:
        """Return a run of a workflow or a chatflow; raises ModelApiError."""
        found = self._flows.get(number)
        if found is None or found.app.key != app.key:
            raise refused("not_found", "Workflow run not found")
        return found

    def stop(self, task: str, app: DifySimApp, user: str | None) -> None:
        """Stop a run. Another's stays as it is (``user`` None: anybody may)."""
        run = self.runs.get(task)
        if run is None or run.app.key != app.key or user not in (None, run.user):
            return
        self.stopped.append(task)
        run.scope.cancel()

    def starts(self) -> dict[str, dict[str, int]]:
        """Return how many runs began, by app and user."""
        counts: dict[str, dict[str, int]] = {}
        for run in self.runs.values():
            users = counts.setdefault(run.app.name, {})
            users[run.user] = users.get(run.user, 0) + 1
        return counts
