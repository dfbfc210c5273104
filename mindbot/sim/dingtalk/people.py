"""Users and groups, and what the platform makes of what they say.

Source: "Receive messages" and "Robot message types" (open.dingtalk.com/document/development).
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable

from mindbot.domain.message import Json

#: What only a one-to-one conversation can bring.
_PRIVATE_ONLY = frozenset({"audio", "video", "file"})


class RobotMessages:
    """Builds robot messages. Whoever's id begins with ``out`` is an outsider, without a staff id."""

    def __init__(self, corp: str, robot: str, origin: Callable[[], str], session_ttl: float) -> None:
        self._corp = corp
        self._robot = robot
        self._origin = origin
        self._ttl = session_ttl
        self._ids = itertools.count(time.time_ns() // 1000)
        self.sessions: dict[str, tuple[str, float]] = {}  # session → (screen, Unix seconds of its end)
        self.media: dict[str, tuple[bytes, str]] = {}  # download code → (content, type)
        self.user_of: dict[str, str] = {}  # user id by conversation id, one-to-one

    def new_msgid(self) -> str:
        """Return a msgId nobody had before."""
        return f"msg{next(self._ids)}=="

    def offer(self, content: bytes, type: str = "application/octet-stream") -> str:
        """Put a file where robots can fetch it; returns its downloadCode."""
        code = secrets.token_urlsafe(12)
        self.media[code] = (content, type)
        return code

    def message(
        self, user: str, msgtype: str, body: Json, *, group: str = "", msgid: str = "", **more: Json
    ) -> Json:
        """Return the payload of a message. ``body`` is ``text`` or ``content``; ``more`` overrides fields."""
        now = int(time.time() * 1000)
        session = secrets.token_hex(8)
        self.sessions[session] = (group or user, time.time() + self._ttl)
        conversation = group or f"cid-{user}"
        self.user_of[conversation] = user
        staff = {} if user.startswith("out") else {"senderStaffId": user}
        data: Json = {
            "msgtype": msgtype,
            "msgId": msgid or self.new_msgid(),
            "createAt": now,
            "conversationType": "2" if group else "1",
            "conversationId": conversation,
            "senderId": f"$:LWCP_v1:${user}",
            **staff,
            "senderNick": user.title(),
            "senderCorpId": self._corp,
            "isAdmin": False,
            "chatbotCorpId": self._corp,
            "chatbotUserId": "$:LWCP_v1:$BOT",
            "robotCode": self._robot,
            "sessionWebhook": f"{self._origin()}/robot/sendBySession?session={session}",
            "sessionWebhookExpiredTime": now + int(self._ttl * 1000),
            "senderPlatform": "Mac",
            ("text" if msgtype == "text" else "content"): body,
        }
        if group:
            at = [{"dingtalkId": "$:LWCP_v1:$BOT"}]
            data |= {"conversationTitle": group.title(), "isInAtList": True, "atUsers": at}
        return {**data, **more}

    def refuses(self, msgtype: str, group: str) -> bool:
        """Say whether this kind never comes from a group."""
        return bool(group) and msgtype in _PRIVATE_ONLY

    def profile(self, user: str) -> Json | None:
        """Return what the contacts API knows of a user."""
        if user.startswith(("out", "nobody")):
            return None
        return {
            "userid": user,
            "unionid": f"union-{user}",
            "name": user.title(),
            "title": "Engineer",
            "dept_id_list": [1, 7],
            "active": True,
            "job_number": "",
        }
