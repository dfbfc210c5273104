"""Which conversation of an app a session goes on with: kept on disk, by the app's key, session and user."""

from __future__ import annotations

import hashlib

import structlog

from mindbot.domain.errors import StoreError, VendorError
from mindbot.domain.host import Keep

_log = structlog.get_logger(__name__)
#: Seconds that a conversation is known without a message in it.
_KEPT = 180 * 24 * 3600.0
#: How Dify begins to say that nobody has such a conversation; some servers go on about the address. With
#: the same code and other words an address, a workflow or a file is unknown.
_UNKNOWN = "conversation not exists"


class KeptConversations:
    """See the module. ``name`` is the workflow's, ``keep`` is on disk."""

    def __init__(self, name: str, keep: Keep) -> None:
        self._name = name
        self._keep = keep

    async def find(self, app: str, session: str, user: str) -> str:
        """Return the id of a conversation; empty: there is none, or it cannot be read just now."""
        if not session:
            return ""
        try:
            found = await self._keep.get(_key(app, session, user))
        except StoreError as exc:
            _log.warning("a conversation begins anew", workflow=self._name, session=session, error=str(exc))
            return ""
        return str((found or {}).get("id", ""))

    async def note(self, app: str, session: str, user: str, id_: str) -> None:
        """Keep an id, or forget it (empty). What the disk does not take costs the memory of a chat alone."""
        if not session:
            return
        try:
            await self._keep.put(_key(app, session, user), {"id": id_} if id_ else None, ttl=_KEPT)
        except StoreError as exc:
            _log.warning("a conversation is not kept", workflow=self._name, session=session, error=str(exc))


def is_gone(error: VendorError, vendor: str) -> bool:
    """Tell whether a refusal means that the conversation is of no use any more: another may be begun."""
    said = error.message.removeprefix(f"{vendor}: ").lower()
    if error.code == "not_found":
        return said.startswith(_UNKNOWN)
    return error.code == "conversation_completed"


def _key(app: str, session: str, user: str) -> str:
    who = hashlib.sha256(f"{session}\0{user}".encode()).hexdigest()[:32]
    return f"dify:conversation:{app}:{who}"
