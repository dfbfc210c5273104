"""The rules of message/send. Source: "Send application messages" (document/path/90236)."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import orjson

from mindbot.domain.message import Json
from mindbot.sim.phones import Phones
from mindbot.sim.wecom.tokens import ApiError

_TEXT_BYTES = 2048
_USERS, _PARTIES = 1000, 100
_DEFAULT_INTERVAL, _MAX_INTERVAL = 1800, 14400  # seconds
_REMEMBERED = 200_000  # messages; beyond, expired ones are swept out
_USERID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_MSGTYPES = frozenset(
    {"text", "markdown", "markdown_v2", "image", "voice", "video", "file", "textcard", "news", "mpnews"}
    | {"miniprogram_notice", "taskcard", "template_card"}
)
_INTERACTIVE = frozenset({"button_interaction", "vote_interaction", "multiple_interaction"})


def cut(text: str, limit: int = _TEXT_BYTES) -> str:
    """Return what a phone shows of a text: at most ``limit`` bytes, whole characters."""
    data = text.encode()
    return text if len(data) <= limit else data[:limit].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class SendRules:
    """Who can be reached, and what counts as a repetition.

    ``members`` are the user ids in the application's visible range (empty: everybody but ``strangers``).
    Two points the documentation leaves open are settings. A message counts as a repetition of messages that
    were ``remembered``: those sent with the flag, or all; and it is ``equal`` by its content, or by the
    whole request ("the same content (request JSON)").
    """

    members: frozenset[str] = frozenset()
    strangers: frozenset[str] = frozenset({"nobody"})
    remembered: Literal["flagged", "all"] = "flagged"
    equal: Literal["content", "request"] = "content"


@dataclass(slots=True)
class Sender:
    """Carries out message/send on the phones."""

    phones: Phones
    rules: SendRules
    clock: Callable[[], float]
    counters: Counter[str]
    #: Decides that a message to a user vanishes without an error.
    vanishes: Callable[[str], bool]
    #: (user, digest) → until when an equal message is a repetition, by the clock.
    _memory: dict[tuple[str, bytes], float] = field(default_factory=dict)

    def send(self, body: Json) -> Json:
        """Deliver one request and return the answer's fields besides errcode and errmsg.

        Raises:
            ApiError: as the platform refuses it.
        """
        msgtype, content, text = _content(body)
        users, wrong_users, parties, tags = self._recipients(body)
        digest = self._digest(body, msgtype, content)
        checked = body.get("enable_duplicate_check") == 1
        msgid = secrets.token_urlsafe(24)
        for user in users:
            if self._repeated(user, digest, body, checked):
                self.counters["deduplicated"] += 1
            elif self.vanishes(user):
                self.counters["vanished"] += 1
            else:
                self.phones.show(user, msgid=msgid, msgtype=msgtype, text=text, body=content)
        answer: Json = {
            "invaliduser": "|".join(wrong_users),
            "invalidparty": parties,
            "invalidtag": tags,
            "unlicenseduser": "",
            "msgid": msgid,
        }
        if content.get("card_type") in _INTERACTIVE:
            answer["response_code"] = secrets.token_urlsafe(24)
        return answer

    def clear(self) -> None:
        """Forget earlier messages."""
        self._memory.clear()

    def _recipients(self, body: Json) -> tuple[list[str], list[str], str, str]:
        """Return reachable users, unreachable users, and the parties and tags (all unknown here)."""
        touser = str(body.get("touser") or "")
        parties, tags = str(body.get("toparty") or ""), str(body.get("totag") or "")
        if not (touser or parties or tags):
            raise ApiError(82001)
        if touser == "@all":
            return sorted(self.rules.members or self.phones.users()), [], "", ""
        asked = list(dict.fromkeys(user.lower() for user in touser.split("|") if user))
        if len(asked) > _USERS:
            raise ApiError(40032)
        if parties.count("|") >= _PARTIES:
            raise ApiError(82002)
        if tags.count("|") >= _PARTIES:
            raise ApiError(82003)
        users = [user for user in asked if self._reachable(user)]
        if not users:
            raise ApiError(81013)
        return users, [user for user in asked if user not in users], parties, tags

    def _reachable(self, user: str) -> bool:
        if not _USERID.fullmatch(user):
            return False
        if self.rules.members:
            return user in self.rules.members
        return user not in self.rules.strangers

    def _digest(self, body: Json, msgtype: str, content: Json) -> bytes:
        compared = body if self.rules.equal == "request" else [body["agentid"], msgtype, content]
        return hashlib.sha256(orjson.dumps(compared, option=orjson.OPT_SORT_KEYS)).digest()

    def _repeated(self, user: str, digest: bytes, body: Json, checked: bool) -> bool:
        """Say whether a checked message repeats an earlier one, and remember it."""
        if not checked and self.rules.remembered == "flagged":
            return False
        now = self.clock()
        if checked and self._memory.get((user, digest), 0.0) > now:
            return True
        interval = min(int(body.get("duplicate_check_interval") or _DEFAULT_INTERVAL), _MAX_INTERVAL)
        if len(self._memory) >= _REMEMBERED:
            self._memory = {key: until for key, until in self._memory.items() if until > now}
        self._memory[user, digest] = now + interval
        return False


def _content(body: Json) -> tuple[str, Json, str]:
    """Return the message type, its object and its readable text; raises ApiError."""
    if "agentid" not in body:
        raise ApiError(41011)
    if not str(body["agentid"]).isdigit():
        raise ApiError(40056)
    msgtype = body.get("msgtype")
    if msgtype not in _MSGTYPES:
        raise ApiError(40008)
    content = body.get(msgtype)
    if not isinstance(content, dict) or not content:
        raise ApiError(40063)
    text = content.get("content", content.get("description", content.get("title", "")))
    if not isinstance(text, str):
        raise ApiError(40063)
    if msgtype == "text":
        if not text:
            raise ApiError(44004)
        text = cut(text)
    elif msgtype.startswith("markdown"):
        if not text:
            raise ApiError(44004)
        if len(text.encode()) > _TEXT_BYTES:
            raise ApiError(45002)
    return msgtype, content, text
