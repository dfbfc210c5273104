"""Users, groups and their files: the bodies of callbacks, in both modes.

Sources: WeCom developer centre, "Receiving messages" (path/100719) and "Receiving events" (path/101027) of AI
bots.
"""

from __future__ import annotations

import base64
import itertools
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from mindbot.domain.message import Json
from mindbot.sim.wecom.crypto import padding

#: What only a one-to-one chat can bring.
_PRIVATE_ONLY = frozenset({"image", "voice", "file", "video"})


@dataclass(slots=True)
class SentFile:
    """A file users sent: ciphertext, until a moment of the clock."""

    content: bytes
    name: str
    until: float


def encrypted(content: bytes, key: bytes) -> bytes:
    """Return a file as the platform serves it."""
    count = padding(len(content))
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return encryptor.update(content + bytes([count]) * count) + encryptor.finalize()


class CallbackBuilder:
    """Builds callbacks. ``file_key`` is the 43-character key that webhook mode encrypts files with."""

    def __init__(
        self,
        bot_id: str,
        file_key: str,
        origin: Callable[[], str],
        clock: Callable[[], float],
        *,
        media_ttl: float,
        url_ttl: float,
    ) -> None:
        self._bot_id = bot_id
        self._file_key = base64.b64decode(file_key + "=")
        self._origin = origin
        self._clock = clock
        self.media_ttl = media_ttl
        self.url_ttl = url_ttl
        self._ids = itertools.count(time.time_ns() // 1000)
        self.files: dict[str, SentFile] = {}
        self.urls: dict[str, tuple[str, bool, float]] = {}  # response code → (screen, group, end)
        self.known: set[str] = set()  # users and groups that wrote to the bot

    def new_msgid(self) -> str:
        """Return a msgid nobody had before."""
        return f"CAIQ{next(self._ids)}"

    def offer(self, content: bytes, *, name: str = "", own_key: bool) -> Json:
        """Put a file where bots can fetch it; returns the object that a message brings."""
        key = os.urandom(32) if own_key else self._file_key
        id = secrets.token_urlsafe(12)
        self.files[id] = SentFile(encrypted(content, key), name, self._clock() + self.media_ttl)
        found: Json = {"url": f"{self._origin()}/media/{id}"}
        return found | ({"aeskey": base64.b64encode(key).decode()} if own_key else {})

    def refuses(self, msgtype: str, group: str) -> bool:
        """Say whether this kind never comes from a group."""
        return bool(group) and msgtype in _PRIVATE_ONLY

    def body(self, user: str, msgtype: str, content: Json, *, group: str = "", msgid: str = "") -> Json:
        """Return a callback; ``content`` holds the type's object, and ``quote`` where there is one."""
        code = secrets.token_urlsafe(16)
        screen = group or user
        self.known.add(screen)
        self.urls[code] = (screen, bool(group), self._clock() + self.url_ttl)
        body: Json = {
            "msgid": msgid or self.new_msgid(),
            "aibotid": self._bot_id,
            "chattype": "group" if group else "single",
            "from": {"userid": user},
            "response_url": f"{self._origin()}/cgi-bin/aibot/response?response_code={code}",
            "msgtype": msgtype,
            **content,
        }
        return body | ({"chatid": group} if group else {})

    def event(self, user: str, event: Json, *, group: str = "", msgid: str = "") -> Json:
        """Return the callback of an event; it brings no response_url."""
        body = self.body(user, "event", {"event": event}, group=group, msgid=msgid)
        del body["response_url"]
        return body | {"create_time": int(time.time())}

    def poll(self, user: str, stream: str, group: str) -> Json:
        """Return a poll of a stream."""
        body: Json = {
            "msgid": self.new_msgid(),
            "aibotid": self._bot_id,
            "chattype": "group" if group else "single",
            "from": {"userid": user},
            "msgtype": "stream",
            "stream": {"id": stream},
        }
        return body | ({"chatid": group} if group else {})
