"""What all runs of one app share: its client, its settings, its form, whose runs are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import anyio

from mindbot.config.workflows import WorkflowSettings
from mindbot.domain.chat import Attachment
from mindbot.domain.errors import MindBotError, Overloaded, Rejected, VendorError
from mindbot.providers.shared.attachments import with_bytes
from mindbot.providers.shared.uploads import multipart
from mindbot.workflows.apps import AppParts
from mindbot.workflows.dify.client import DifyClient, part
from mindbot.workflows.dify.conversations import KeptConversations
from mindbot.workflows.dify.forms import WaitedForms
from mindbot.workflows.dify.inputs import QUERY, Variable, text_variable, variables

#: Kinds that are asked a question and have conversations.
CHATS = frozenset({"chat", "agent", "chatflow"})
#: Kinds whose runs go on without a listener and can be listened to again.
GRAPHS = frozenset({"chatflow", "workflow"})
_STOPPING = 2.0  # seconds for telling Dify that nobody waits for a run
_REMEMBERED = 10_000  # ids of runs that had their answer


class DifySetup:
    """See the module. ``kind`` is the type of its settings."""

    def __init__(self, name: str, settings: WorkflowSettings, parts: AppParts) -> None:
        self.name = name
        self.settings = settings
        self.kind = settings.type
        self.parts = parts
        key = settings.dify_api_key
        self.client = DifyClient(name, settings.dify_endpoint, key, http=parts.http, secrets=parts.secrets)
        self.conversations = KeptConversations(name, parts.keep)
        self.forms = WaitedForms(name, parts.keep)
        #: Messages and runs whose turns are known, also those beside the turns.
        self.known = parts.theirs
        self._form: tuple[Variable, ...] | None = None

    @property
    def chats(self) -> bool:
        """Whether it is asked a question and has conversations."""
        return self.kind in CHATS

    @property
    def keeps_answers(self) -> bool:
        """Whether the answer of a run is found by its ids when nobody has read it."""
        return self.kind in CHATS | GRAPHS

    async def form(self, deadline: float) -> Sequence[Variable]:
        """Return the variables of the app, asked for once; none where it does not tell them."""
        if self._form is None:
            try:
                self._form = variables(await self.client.get("/parameters", deadline=deadline))
            except VendorError:  # the run itself says what is wrong
                return ()
        return self._form

    async def text_input(self, given: Mapping[str, Any], deadline: float) -> str:
        """Return the input that is told the text; empty where the question is."""
        key = self.settings.input_key
        if self.chats:
            return "" if key == QUERY else key
        return key or text_variable(await self.form(deadline), given)

    async def upload(self, file: Attachment, user: str, deadline: float) -> str:
        """Send a file and return its id, which is that user's alone.

        Raises:
            Rejected, ContextOverflow: it cannot be read, or Dify does not take it.
            VendorError: as any call.
        """
        ready = await with_bytes(file)
        if isinstance(ready, str):
            raise Rejected(f"{self.name}: {ready}", code="attachment")
        form = partial(multipart, {"user": user}, ready)
        doc = await self.client.send("POST", "/files/upload", form=form, deadline=deadline)
        if isinstance(doc, dict) and isinstance(found := doc.get("id"), str) and found:
            return found
        raise Overloaded(f"{self.name}: an upload without an id", code="garbage")

    def remember(self, ids: Mapping[str, str]) -> None:
        """Note whose run this was: it is nobody else's."""
        for name in ("message_id", "workflow_run_id"):
            if ids.get(name):
                self.known[ids[name]] = None
        while len(self.known) > _REMEMBERED:
            del self.known[next(iter(self.known))]

    async def stop(self, task: str, user: str) -> str:
        """End a run at Dify, within two seconds; return why it may go on, empty where it does not."""
        kind = {"workflow": "/workflows/tasks", "completion": "/completion-messages"}
        path = f"{kind.get(self.kind, '/chat-messages')}/{part(task)}/stop"
        with anyio.move_on_after(_STOPPING, shield=True):
            try:
                await self.client.send("POST", path, body={"user": user})
            except MindBotError as exc:
                return str(exc)
            return ""
        return "no answer in time"
