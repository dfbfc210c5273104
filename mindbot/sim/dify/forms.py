"""Forms that runs wait for. A form takes one answer, whoever gives it.

Source: Service API, "Get human input form", "Submit human input form".
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from mindbot.domain.message import Json
from mindbot.sim.dify.apps import SimForm
from mindbot.sim.dify.errors import refused
from mindbot.sim.dify.runs import DifyRun


@dataclass(slots=True, eq=False)
class WaitingForm:
    """One form. ``action`` is what was chosen."""

    run: DifyRun
    node: str
    node_id: str
    form: SimForm
    token: str
    id: str
    until: float
    action: str = ""
    title: str = ""
    inputs: Json = field(default_factory=dict)
    expired: bool = False
    answered: anyio.Event = field(default_factory=anyio.Event)

    def required(self) -> Json:
        """Return what the event says that asks for it."""
        return {
            "form_id": self.id,
            "node_id": self.node_id,
            "node_title": self.node,
            "form_content": self.form.content,
            "inputs": list(self.form.inputs),
            "actions": list(self.form.actions),
            "form_token": self.token,
            "resolved_default_values": {},
            "expiration_time": int(self.until),
        }

    def to_json(self) -> Json:
        """Return it for tests."""
        known = {"app": self.run.app.name, "user": self.run.user, "workflow_run_id": self.run.workflow_run}
        return {
            **self.required(),
            **known,
            "action": self.action,
            "given": self.inputs,
            "expired": self.expired,
        }


class FormDesk:
    """All forms, by token."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.forms: dict[str, WaitingForm] = {}

    def ask(self, run: DifyRun, node: str, node_id: str, form: SimForm) -> WaitingForm:
        """Make a form for a node that waits."""
        token, number = uuid.uuid4().hex, str(uuid.uuid4())
        waiting = WaitingForm(run, node, node_id, form, token, number, self._clock() + form.expires)
        self.forms[token] = waiting
        return waiting

    def show(self, token: str) -> Json:
        """Return a form as it is shown; raises ModelApiError."""
        form = self._open(token)
        shown = form.required()
        kept = {name: shown[name] for name in ("form_content", "inputs", "resolved_default_values")}
        return {**kept, "user_actions": shown["actions"], "expiration_time": shown["expiration_time"]}

    def submit(self, token: str, body: Json) -> None:
        """Take an answer, and let the run go on.

        Raises:
            ModelApiError: no such form or action, answered before, or too late.
        """
        form = self._open(token)
        chosen = next((a for a in form.form.actions if a["id"] == body.get("action")), None)
        if chosen is None:
            raise refused("invalid_form_data", f"Invalid action: {body.get('action')}")
        given = body.get("inputs") or {}
        names = [str(one.get("output_variable_name", "")) for one in form.form.inputs]
        if missing := [name for name in names if name and name not in given]:
            raise refused("invalid_form_data", f"Missing required inputs: {', '.join(missing)}")
        form.action, form.title, form.inputs = chosen["id"], chosen["title"], given
        form.run.decided[token] = form.action
        if form.run.trouble.stays_paused:
            return
        form.answered.set()

    def expire(self) -> int:
        """Let the time of all forms that wait run out; their runs go on without an answer."""
        waiting = [form for form in self.forms.values() if not form.action and not form.expired]
        for form in waiting:
            form.expired = True
            form.run.decided[form.token] = "timeout"
            form.answered.set()
        return len(waiting)

    def clear(self) -> None:
        """Forget all."""
        self.forms.clear()

    def _open(self, token: str) -> WaitingForm:
        form = self.forms.get(token)
        if form is None:
            raise refused("not_found", "Form not found.")
        if form.action:
            said = f"This form has already been submitted by another user, form_id={form.id}"
            raise refused("human_input_form_submitted", said)
        if form.expired or self._clock() >= form.until:
            raise refused("human_input_form_expired", f"This form has expired, form_id={form.id}")
        return form
