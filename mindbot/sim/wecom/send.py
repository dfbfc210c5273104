"""The rules of message/send and message/recall.

Sources: "Send application messages" (document/path/90236), "Recall" (94867), "Call frequency" (90312).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import orjson

from mindbot.domain.message import Json
from mindbot.sim.phones import Phones
from mindbot.sim.wecom.cards import Cards
from mindbot.sim.wecom.content import INTERACTIVE, read
from mindbot.sim.wecom.shelf import Shelf
from mindbot.sim.wecom.tokens import ApiError

_USERS, _PARTIES = 1000, 100
_DEFAULT_INTERVAL, _MAX_INTERVAL = 1800, 14400  # seconds
_REMEMBERED = 200_000  # messages; beyond, expired ones are swept out
_USERID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class SendRules:
    """Who can be reached, and what counts as a repetition.

    ``members`` are the user ids in the application's visible range (empty: everybody but ``strangers``).
    Two points the documentation leaves open are settings. A message counts as a repetition of messages that
    were ``remembered``: those sent with the flag, or all; and it is ``equal`` by its content, or by the
    whole request ("the same content (request JSON)").

    What exceeds ``per_minute`` or ``per_hour`` messages to one member is never shown, and nobody is told;
    0 is no limit.
    """

    members: frozenset[str] = frozenset()
    strangers: frozenset[str] = frozenset({"nobody"})
    remembered: Literal["flagged", "all"] = "flagged"
    equal: Literal["content", "request"] = "content"
    per_minute: int = 0
    per_hour: int = 0


@dataclass(slots=True)
class Sender:
    """Carries out message/send on the phones."""

    phones: Phones
    rules: SendRules
    clock: Callable[[], float]
    counters: Counter[str]
    #: Decides that a message to a user vanishes without an error.
    vanishes: Callable[[str], bool]
    shelf: Shelf
    cards: Cards
    #: Whether the application has a callback URL: cards that can be pressed need one.
    called_back: Callable[[], bool]
    #: (user, digest) → until when an equal message is a repetition, by the clock.
    _memory: dict[tuple[str, bytes], float] = field(default_factory=dict)
    _shown: dict[str, deque[float]] = field(default_factory=dict)  # user → when, within the last hour
    _sent: dict[str, tuple[list[str], float]] = field(default_factory=dict)  # msgid → (users, when)

    def send(self, body: Json) -> Json:
        """Deliver one request and return the answer's fields besides errcode and errmsg.

        Raises:
            ApiError: as the platform refuses it.
        """
        msgtype, content, text = read(body, self.shelf.has)
        users, wrong_users, parties, tags = self._recipients(body)
        digest = self._digest(body, msgtype, content)
        checked = body.get("enable_duplicate_check") == 1
        msgid = secrets.token_urlsafe(24)
        is_card = msgtype == "template_card"
        pressable = is_card and bool(content["card_type"] in INTERACTIVE or content.get("action_menu"))
        if pressable and not self.called_back():
            raise ApiError(43012)
        fresh = [user for user in users if not self._repeated(user, digest, body, checked)]
        self.counters["deduplicated"] += len(users) - len(fresh)
        if is_card and fresh:
            self.cards.check(content)
        shown = [user for user in fresh if not self._drops(user) and not self.vanishes(user)]
        self.counters["vanished"] += len(fresh) - len(shown)
        for user in shown:
            self._shown.setdefault(user, deque()).append(self.clock())
            self.phones.show(user, msgid=msgid, msgtype=msgtype, text=text, body=content)
        self._sent[msgid] = shown, self.clock()
        answer: Json = {
            "invaliduser": "|".join(wrong_users),
            "invalidparty": parties,
            "invalidtag": tags,
            "unlicenseduser": "",
            "msgid": msgid,
        }
        if is_card and fresh:
            code = self.cards.sent(msgid, content, shown)
            answer |= {"response_code": code} if code else {}
        return answer

    def recall(self, body: Json) -> Json:
        """Take a message off the phones, within a day; raises ApiError."""
        msgid = str(body.get("msgid") or "")
        users, at = self._sent.pop(msgid, ([], -_DAY))
        if at + _DAY <= self.clock():
            raise ApiError(40058)
        for user in users:
            self.phones.remove(user, msgid)
        self.cards.remove(msgid)
        self.counters["recalled"] += 1
        return {}

    def _drops(self, user: str) -> bool:
        """Say whether a member got as many as may be shown in a minute or an hour."""
        now, log = self.clock(), self._shown.get(user, deque())
        while log and log[0] <= now - _HOUR:
            log.popleft()
        minute = sum(at > now - _MINUTE for at in log)
        return (0 < self.rules.per_minute <= minute) or (0 < self.rules.per_hour <= len(log))

    def reaches(self, user: str) -> bool:
        """Tell whether there is such a member within reach."""
        return self._reachable(user.lower())

    def clear(self) -> None:
        """Forget earlier messages."""
        self._memory.clear()
        self._shown.clear()
        self._sent.clear()

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
