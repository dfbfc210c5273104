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
from mindbot.sim.dingtalk.people import RobotMessages
from mindbot.sim.phones import Phones

_MAX_USERS = 20
_MAX_PARAM = 15_000  # bytes
_CUSTOM_A_MINUTE = 20
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
_FILE_TYPES = {"xlsx", "pdf", "zip", "rar", "doc", "docx", "xls", "ppt", "pptx"}
_RECALL_SECONDS = 86_400.0
_WEBHOOK_TYPES = {"text", "markdown", "link", "actionCard", "feedCard"}


class Robot:
    """Carries sends out on the screens. ``gone`` says whether a session is to be refused early."""

    def __init__(
        self, phones: Phones, people: RobotMessages, robot: str, *, gone: Callable[[], bool]
    ) -> None:
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
        text = _text_of(msgtype, content)
        if not text or len(text.encode()) > _WEBHOOK_BYTES:
            raise OldRefusal(40035, "bad content")
        self._phones.show(
            screen, msgid=secrets.token_hex(8), msgtype=msgtype, text=text, body=body, via="session"
        )
        return {"errcode": 0, "errmsg": "ok"}

    def by_custom(self, token: str, body: Json) -> Json:
        """Answer a group's custom robot (robot/send), whose group is named by its token."""
        if not token:
            raise OldRefusal(400101, "access_token is not found")
        content = body.get(msgtype := body.get("msgtype", ""))
        if msgtype not in _WEBHOOK_TYPES or not isinstance(content, dict):
            raise OldRefusal(400105, "unsupported msgtype")
        if self._phones.shown_lately(token) >= _CUSTOM_A_MINUTE:
            raise OldRefusal(410100, "发送速度太快而限流")
        self._phones.show(
            token,
            msgid=secrets.token_hex(8),
            msgtype=msgtype,
            text=_text_of(msgtype, content),
            body=body,
            via="custom",
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
        if key == "sampleFile" and param["fileType"] not in _FILE_TYPES:
            raise Refusal(400, "invalidParameter.msgParam.invalid", "fileType")
        query = secrets.token_hex(10)
        text = str(param.get("content") or param.get("text") or param.get("fileName") or f"[{key}]")
        for screen in screens:
            self._phones.show(screen, msgid=query, msgtype=key, text=text, body=param, via="send")
        self._keys[query] = [(screen, time.time()) for screen in screens]
        return query

    def age(self, key: str, seconds: float) -> None:
        """Let a message have been sent that much earlier."""
        self._keys[key] = [(screen, at - seconds) for screen, at in self._keys[key]]

    def recall(self, body: Json) -> Json:
        """Answer both kinds of recall."""
        keys, group = body.get("processQueryKeys"), body.get("openConversationId")
        if not isinstance(keys, list) or not keys:
            raise Refusal(400, "invalidParameter.processQueryKey.missing")
        if len(keys) > _MAX_USERS:
            raise Refusal(400, "invalidParameter.processQueryKeys.overMax")
        if body.get("robotCode") != self._robot:
            raise Refusal(400, "not.allowed.robotCode")
        done, failed = [], {}
        for key in keys:
            places = self._keys.get(key, [])
            if not places or (group and group != places[0][0]):
                failed[key] = "invalid.processQueryKey"
                continue
            if places[0][1] < time.time() - _RECALL_SECONDS:
                failed[key] = "robot.processQueryKey.expired"
                continue
            del self._keys[key]
            for screen, _ in places:
                self._phones.remove(screen, key)
            done.append(key)
        return {"successResult": done, "failedResult": failed}


def _text_of(msgtype: str, content: Json) -> str:
    """Return what is to be read of a webhook's message."""
    if msgtype == "feedCard":
        return "\n".join(str(each.get("title", "")) for each in content.get("links") or ())
    return str(content.get("content") or content.get("text") or content.get("title") or "")
