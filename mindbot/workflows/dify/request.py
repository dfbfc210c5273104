"""What one run is asked with, made once however often it is started: inputs, files that were uploaded."""

from __future__ import annotations

from mindbot.domain.chat import Attachment, ChatMessage
from mindbot.domain.errors import ContextOverflow, Rejected
from mindbot.domain.message import Json
from mindbot.domain.turn import Turn
from mindbot.providers.shared.sending import SENDING
from mindbot.workflows.apps import AppCall
from mindbot.workflows.asked import filled, to_upload
from mindbot.workflows.dify.client import part
from mindbot.workflows.dify.inputs import body_of
from mindbot.workflows.dify.setup import DifySetup


class RunRequest:
    """See the module. All raise VendorError and TimedOut. ``unseen`` are files that are left out, and why."""

    def __init__(self, app: DifySetup, turn: Turn, call: AppCall) -> None:
        self._app = app
        self._call = call
        self._given = filled(app.settings.inputs, turn, call)
        self._body: Json = {}
        self.unseen: list[str] = []

    @property
    def path(self) -> str:
        """Where a run of the app is asked for."""
        if self._app.chats:
            return "/chat-messages"
        if self._app.kind == "completion":
            return "/completion-messages"
        version = self._app.settings.workflow_id
        return f"/workflows/{part(version)}/run" if version else "/workflows/run"

    async def body(self, deadline: float) -> Json:
        """Return the body of a start without a conversation; files are uploaded by its user first."""
        if not self._body:
            app, call = self._app, self._call
            text_input = await app.text_input(self._given, deadline)
            form = await app.form(deadline) if call.files and not app.chats else ()
            files = await self._files(deadline)
            body = body_of(call, self._given, text_input=text_input, form=form, files=files, chat=app.chats)
            if app.kind == "chatflow" and app.settings.workflow_id:
                body["workflow_id"] = app.settings.workflow_id
            self._body = body
        return dict(self._body)

    async def inputs(self, deadline: float) -> Json:
        """Return the inputs by which a run is known again: files have other ids each time."""
        text_input = await self._app.text_input(self._given, deadline)
        return {**self._given, text_input: self._call.text} if text_input else self._given

    async def _files(self, deadline: float) -> dict[Attachment, str]:
        files = to_upload(self._call.files)
        if not files:
            return {}
        app, left = self._app, self._app.client.left(deadline)
        found: dict[Attachment, str] = {}
        async with SENDING.room(app.name, [ChatMessage("user", files)], left):
            for each in files:
                try:
                    found[each] = await app.upload(each, self._call.user, deadline)
                except (Rejected, ContextOverflow) as exc:  # the words can be answered all the same
                    self.unseen.append(f"{each.kind} {each.name}: {exc.message}")
        return found
