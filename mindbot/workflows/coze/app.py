"""A published bot or a workflow of Coze's as a workflow; see the port `mindbot.workflows.apps.App`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, Self

from mindbot.config.workflows import WorkflowSettings
from mindbot.domain.abilities import Check
from mindbot.domain.chat import Chunks
from mindbot.domain.errors import MindBotError, Rejected
from mindbot.domain.message import Json
from mindbot.domain.turn import Turn
from mindbot.workflows.apps import AppCall, AppParts
from mindbot.workflows.coze.bots import CozeBotRun
from mindbot.workflows.coze.flows import CozeFlowRun
from mindbot.workflows.coze.setup import CozeSetup


class CozeApp:
    """See the module. ``replica`` is its name among several; empty: it is the only one."""

    def __init__(self, setup: CozeSetup, replica: str) -> None:
        self.name = setup.name
        self.replica = replica
        self._setup = setup

    @classmethod
    def build(cls, name: str, settings: WorkflowSettings, replica: str, parts: AppParts) -> Self:
        """Make the app of a `workflows:` entry, or of one of its replicas, whose settings are given."""
        return cls(CozeSetup(name, settings, parts), replica)

    async def run(self, turn: Turn, call: AppCall) -> Chunks:
        """See the port."""
        kind = CozeBotRun if self._setup.settings.type == "coze" else CozeFlowRun
        async with aclosing(kind(self._setup, turn, call).chunks()) as chunks:
            async for chunk in chunks:
                yield chunk

    async def resume(
        self, turn: Turn, call: AppCall, form: Json, action: str, inputs: Mapping[str, Any]
    ) -> Chunks:
        """See the port; workflows alone wait for people."""
        run = CozeFlowRun(self._setup, turn, call, form=form, action=action, inputs=inputs)
        async with aclosing(run.chunks()) as chunks:
            async for chunk in chunks:
                yield chunk

    async def begin_anew(self, conversation: str, user: str) -> str:
        """See the port; only bots have conversations."""
        if self._setup.settings.type != "coze":
            return ""
        call = AppCall("", "", user, conversation)
        if before := await self._setup.conversation(call):
            await self._setup.forget_conversation(call)
        return before

    async def go_back(self, conversation: str, user: str, id: str) -> bool:
        """See the port."""
        call = AppCall("", "", user, conversation)
        if await self._setup.conversation(call):
            return False
        await self._setup.keep_conversation(call, id)
        return True

    async def identity(self) -> str:
        """See the port."""
        return self._setup.identity()

    async def copy_conversation(self, user: str, session: str, to: str) -> bool:
        """See the port."""
        if id_ := await self._setup.conversation(AppCall("", "", user, session)):
            await self._setup.keep_conversation(AppCall("", "", user, to), id_)
        return bool(id_)

    async def check(self) -> list[Check]:
        """See the port: the token and the bot; a workflow cannot be asked for without a run."""
        if self._setup.settings.type != "coze":
            return await self._token_check()
        bot = self._setup.settings.bot_id
        try:
            doc = await self._setup.client.send("GET", "/v1/bot/get_online_info", query={"bot_id": bot})
        except MindBotError as exc:
            mend = exc.hint or "api_key and bot_id of the workflow; the bot has to be published to the API"
            return [Check("bot", "failed", exc.message, mend)]
        found = doc.get("data")
        return [Check("bot", "ok", str(found.get("name") or bot) if isinstance(found, dict) else bot)]

    async def _token_check(self) -> list[Check]:
        skipped = Check("workflow", "skipped", "Coze tells of a workflow only by running it")
        try:
            await self._setup.client.fingerprint()
        except MindBotError as exc:
            return [Check("key", "failed", exc.message, exc.hint or "api_key of the workflow"), skipped]
        return [Check("key", "ok", "it is there"), skipped]

    async def rate(self, ids: Mapping[str, str], *, liked: bool | None, note: str = "") -> None:
        """See the port; Coze's API takes no ratings."""
        raise Rejected(f"{self.name}: Coze takes no ratings over its API", code="no_rating")

    async def aclose(self) -> None:
        """Nothing is kept open: connections are the process's."""
