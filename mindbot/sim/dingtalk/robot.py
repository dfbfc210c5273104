"""What a robot can send, by its session webhook and by the API, and take back.

Sources: "Robot message types", "Chatbots send one-on-one chat messages in batches", "The robot sends a group
message", "Batch message recall" (open.dingtalk.com/document/development).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import orjson

from mindbot.domain.message import Json
from mindbot.sim.dingtalk.access import OldRefusal, Refusal
from mindbot.sim.dingtalk.people import People
from mindbot.sim.phones import Phones

_MAX_USERS = 20
_MAX_PARAM = 15_000  # bytes
_WEBHOOK_BYTES = 20_000
_KEYS: dict[str, tuple[str, ...]] = {
    "sampleText": ("content",),
    "sampleMarkdown": ("title", "text"),
    "sampleImageMsg": ("photoURL",),
    "sampleLink": ("title", "text", "messageUrl"),
    "sampleActionCard": ("title", "text", "singleTitle", "singleURL"),
    "sampleActionCard2": ("title", "text", "actionTitle1", "actionURL1", "actionTitle2", "actionURL2"),
    "sampleActionCard3": ("title", "text", "actionTitle3", "actionURL3"),
    "sampleActionCard4": ("title", "text", "actionTitle4", "actionURL4"),
    "sampleActionCard5": ("title", "text", "actionTitle5", "actionURL5"),
    "sampleActionCard6": ("title", "text", "buttonTitle1", "buttonUrl1", "buttonTitle2", "buttonUrl2"),
    "sampleAudio": ("mediaId", "duration"),
    "sampleFile": ("mediaId", "fileName", "fileType"),
    "sampleVideo": ("duration", "videoMediaId", "videoType", "picMediaId"),
}
_WEBHOOK_TYPES = {"text", "markdown", "link", "actionCard", "feedCard"}


class Robot:
    """Carries sends out on the screens. ``gone`` says whether a session is to be refused early."""

    def __init__(self, phones: Phones, people: People, robot: str, *, gone: Callable[[], bool]) -> None:
        self._phones = phones
        self._people = people
        self._robot = robot
        self._gone = gone
        self._keys: dict[str, list[tuple[str, float]]] = {}  # processQueryKey → screens
        self.uploads: dict[str, tuple[str, bytes]] = {}  # media id → (type, content)

    def by_session(self, session: str, body: Json) -> Json:
        """Answer a post to a session webhook."""
        screen, ends = self._people.sessions.get(session, ("", 0.0))
        if not screen or ends < time.time() or self._gone():
            raise OldRefusal(300001, "session 不存在")
        msgtype = body.get("msgtype", "")
        content = body.get(msgtype)
        if msgtype not in _WEBHOOK_TYPES or not isinstance(content, dict):
            raise OldRefusal(400105, "unsupported msgtype")
        text = str(content.get("content") or content.get("text") or content.get("title") or "")
        if not text or len(text.encode()) > _WEBHOOK_BYTES:
            raise OldRefusal(40035, "bad content")
        self._phones.show(
            screen, msgid=secrets.token_hex(8), msgtype=msgtype, text=text, body=body, via="session"
        )
        return {"errcode": 0, "errmsg": "ok"}

    def to_users(self, body: Json) -> Json:
        """Answer oToMessages/batchSend."""
        users = body.get("userIds")
        if not isinstance(users, list) or not users:
            raise Refusal(400, "invalidParameter.userIds.empty")
        if len(users) > _MAX_USERS:
            raise Refusal(400, "invalidParameter.userIds.overMax")
        known = [user for user in users if self._people.profile(user) is not None]
        if not known:
            raise Refusal(400, "staffId.notExisted")
        key = self._show(known, body)
        bad = [user for user in users if user not in known]
        return {"processQueryKey": key, "invalidStaffIdList": bad, "flowControlledStaffIdList": []}

    def to_group(self, body: Json) -> Json:
        """Answer groupMessages/send."""
        group = body.get("openConversationId")
        if not group:
            raise Refusal(400, "miss.openConversationId")
        return {"processQueryKey": self._show([group], body)}

    def _show(self, screens: list[str], body: Json) -> str:
        if body.get("robotCode") != self._robot:
            raise Refusal(400, "invalidParameter.robotCode.notExsit")
        key = body.get("msgKey")
        if key not in _KEYS:
            raise Refusal(400, "invalidParameter.msgKey.invalid")
        raw = body.get("msgParam")
        try:
            param = orjson.loads(raw) if isinstance(raw, str) else None
        except ValueError:
            param = None
        if not isinstance(param, dict):
            raise Refusal(400, "invalidParameter.msgParam.invalid")
        if len(str(raw).encode()) > _MAX_PARAM:
            raise Refusal(400, "invalidParameter.msgParam.tooLong")
        for name in _KEYS[key]:
            if not param.get(name):
                raise Refusal(400, f"miss.param.{name}")
        for name in ("mediaId", "videoMediaId"):
            if name in param and param[name] not in self.uploads:
                raise Refusal(400, "resource.not.found")
        query = secrets.token_hex(10)
        text = str(param.get("content") or param.get("text") or param.get("fileName") or f"[{key}]")
        for screen in screens:
            self._phones.show(screen, msgid=query, msgtype=key, text=text, body=param, via="send")
        self._keys[query] = [(screen, time.time()) for screen in screens]
        return query

    def recall(self, body: Json) -> Json:
        """Answer both kinds of recall."""
        keys = body.get("processQueryKeys")
        if not isinstance(keys, list) or not keys:
            raise Refusal(400, "invalidParameter.processQueryKey.missing")
        done, failed = [], {}
        for key in keys:
            places = self._keys.pop(key, None)
            if places is None:
                failed[key] = "invalid.processQueryKey"
                continue
            for screen, _ in places:
                self._phones.remove(screen, key)
            done.append(key)
        return {"successResult": done, "failedResult": failed}
