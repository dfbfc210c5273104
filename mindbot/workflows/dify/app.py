"""An app of Dify's as a workflow; see the port `mindbot.workflows.apps.App`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from mindbot.config.workflows import WorkflowSettings
from mindbot.domain.abilities import Check
from mindbot.domain.chat import Chunks
from mindbot.domain.errors import MindBotError, Rejected
from mindbot.domain.message import Json
from mindbot.domain.turn import Turn
from mindbot.workflows.apps import AppCall, AppParts
from mindbot.workflows.dify.client import part
from mindbot.workflows.dify.inputs import Variable, text_variable, variables
from mindbot.workflows.dify.run import RunInHand
from mindbot.workflows.dify.setup import DifySetup

#: The modes of ``/info`` that a kind of ours may have.
_MODES: Mapping[str, tuple[str, ...]] = {
    "chat": ("chat",),
    "agent": ("agent-chat", "agent"),
    "chatflow": ("advanced-chat",),
    "workflow": ("workflow",),
    "completion": ("completion",),
}


class DifyApp:
    """See the module. ``replica`` is empty for the workflow's only app."""

    def __init__(self, setup: DifySetup, replica: str = "") -> None:
        self.name = setup.name
        self.replica = replica
        self._setup = setup

    @classmethod
    def build(cls, name: str, settings: WorkflowSettings, replica: str, parts: AppParts) -> Self:
        """Make the app of a `workflows:` entry; a replica's address and key are laid over ``settings``."""
        return cls(DifySetup(name, settings, parts), replica)

    def run(self, turn: Turn, call: AppCall) -> Chunks:
        """See the port."""
        return RunInHand(self._setup, turn, call).chunks()

    def resume(self, turn: Turn, call: AppCall, form: Json, action: str, inputs: Mapping[str, Any]) -> Chunks:
        """See the port."""
        return RunInHand(self._setup, turn, call).resumed(form, action, inputs)

    # --- conversations

    async def begin_anew(self, conversation: str, user: str) -> str:
        """See the port."""
        if not self._setup.chats:
            return ""
        place = (await self._setup.client.fingerprint(), conversation, user)
        if before := await self._setup.conversations.find(*place):
            await self._setup.conversations.note(*place, "")
        return before

    async def go_back(self, conversation: str, user: str, id: str) -> bool:
        """See the port."""
        place = (await self._setup.client.fingerprint(), conversation, user)
        if await self._setup.conversations.find(*place):
            return False
        await self._setup.conversations.note(*place, id)
        return True

    async def aclose(self) -> None:
        """Nothing is kept open: connections are the process's."""

    # --- beside runs

    async def identity(self) -> str:
        """See the port."""
        return await self._setup.client.identity()

    async def copy_conversation(self, user: str, session: str, to: str) -> bool:
        """See the port."""
        app, kept = await self._setup.client.fingerprint(), self._setup.conversations
        if id_ := await kept.find(app, session, user):
            await kept.note(app, to, user, id_)
        return bool(id_)

    async def check(self) -> list[Check]:
        """See the port."""
        checks: list[Check] = []
        wanted = _MODES.get(self._setup.kind, ())
        try:
            info = await self._setup.client.get("/info")
            mode = info.get("mode", "") if isinstance(info, dict) else ""
        except MindBotError as exc:
            mend = exc.hint or "dify_endpoint and dify_api_key of the workflow"
            return [
                Check("app", "failed", exc.message, mend),
                Check("form", "skipped", "the app is not there"),
            ]
        if mode and mode not in wanted:
            fitting = next((kind for kind, modes in _MODES.items() if mode in modes), "")
            told = f"the key is of an app of the mode {mode}, not {' or '.join(wanted)}"
            checks.append(Check("app", "failed", told, f"type: {fitting}" if fitting else "another key"))
        else:
            checks.append(Check("app", "ok", f"{info.get('name', '')} ({mode or 'of unknown mode'})"))
        return [*checks, await self._form_check()]

    async def _form_check(self) -> Check:
        try:
            form = variables(await self._setup.client.get("/parameters"))
        except MindBotError as exc:
            return Check("form", "failed", exc.message, exc.hint or "the app has to be published in Dify")
        given = self._setup.settings.inputs
        text = "" if self._setup.chats else self._setup.settings.input_key or text_variable(form, given)
        named = {each.name for each in form}
        if text and named and text not in named:
            told = f"there is no input {text}; there are {', '.join(sorted(named))}"
            return Check("form", "failed", told, "input_key of the workflow")
        missing = [
            each.name for each in form if each.required and each.name not in given and each.name != text
        ]
        missing = [name for name in missing if not _takes_file(form, name)]
        if missing:
            told = f"required and not given: {', '.join(missing)}"
            return Check("form", "failed", told, "inputs of the workflow")
        return Check("form", "ok", f"the text goes into {text or 'the question'}")

    async def rate(self, ids: Mapping[str, str], *, liked: bool | None, note: str = "") -> None:
        """See the port."""
        message = ids.get("message_id", "")
        if not message:
            raise Rejected(
                f"{self.name}: Dify rates messages; a {self._setup.kind} app has none", code="no_message"
            )
        rating = None if liked is None else "like" if liked else "dislike"
        body: Json = {"rating": rating, "user": ids.get("user", "")}
        if note:
            body["content"] = note
        await self._setup.client.send("POST", f"/messages/{part(message)}/feedbacks", body=body)


def _takes_file(form: Sequence[Variable], name: str) -> bool:
    return any(each.name == name and each.kind.startswith("file") for each in form)
