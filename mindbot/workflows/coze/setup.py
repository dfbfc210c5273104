"""What all runs of one bot or workflow of Coze's share: client, settings, conversations on disk."""

from __future__ import annotations

import hashlib

import structlog

from mindbot.config.workflows import WorkflowSettings
from mindbot.domain.errors import StoreError
from mindbot.workflows.apps import AppCall, AppParts
from mindbot.workflows.coze.client import CozeClient

_KEPT = 180 * 24 * 3600.0  # seconds that a conversation is known without a message in it
_log = structlog.get_logger(__name__)


class CozeSetup:
    """See the module."""

    def __init__(self, name: str, settings: WorkflowSettings, parts: AppParts) -> None:
        self.name = name
        self.settings = settings
        self.parts = parts
        self.client = CozeClient(
            name,
            settings.base_url,
            settings.api_key,
            app_id=settings.app_id,
            key_id=settings.key_id,
            http=parts.http,
            secrets=parts.secrets,
            clock=parts.clock,
        )

    def identity(self) -> str:
        """Return what tells this bot or workflow from others; any key of its owner's may ask for its runs."""
        app = f"{self.client.root}\0{self.settings.bot_id}\0{self.settings.workflow_id}"
        return hashlib.sha256(app.encode()).hexdigest()[:16]

    async def conversation(self, call: AppCall) -> str:
        """Return the id of the session's conversation; empty: there is none, or it cannot be read now."""
        try:
            found = await self.parts.keep.get(await self._place(call))
        except StoreError as exc:
            _log.warning("a conversation begins anew", workflow=self.name, error=str(exc))
            return ""
        return str((found or {}).get("id", ""))

    async def keep_conversation(self, call: AppCall, id_: str) -> None:
        """Keep an id, or forget it (empty). What the disk does not take costs the memory of a chat alone."""
        try:
            value = {"id": id_} if id_ else None
            await self.parts.keep.put(await self._place(call), value, ttl=_KEPT if id_ else 0.0)
        except StoreError as exc:
            _log.warning("a conversation is not kept", workflow=self.name, error=str(exc))

    async def forget_conversation(self, call: AppCall) -> None:
        """Let the next question begin a new conversation."""
        await self.keep_conversation(call, "")

    async def _place(self, call: AppCall) -> str:
        who = f"{self.settings.bot_id}\0{call.conversation}\0{call.user}"
        name = hashlib.sha256(who.encode()).hexdigest()[:32]
        return f"coze:conversation:{await self.client.fingerprint()}:{name}"
