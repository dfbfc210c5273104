"""Customers, servicers and their conversations: what the platform keeps of them.

Source: WeCom developer centre, "Receiving messages and events" (path/94670), "Sending messages" (path/94677),
"Assigning conversations" (path/94669), "Welcome messages" (path/95122).
"""

from __future__ import annotations

import itertools
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.phones import Phones
from mindbot.sim.wecom.tokens import ApiError

CUSTOMER, SYSTEM, SERVICER = 3, 4, 5
NEW, BOT, POOL, PERSON, ENDED = range(5)
_ALLOWED = {
    NEW: {BOT, POOL, PERSON, ENDED},
    BOT: {BOT, POOL, PERSON, ENDED},
    POOL: {POOL, PERSON, ENDED},
    PERSON: {PERSON, ENDED},
    ENDED: set[int](),
}
_BUDGET = 5
_WINDOW = 48 * 3600.0  # seconds
_TEXT_BYTES = 2048
_CODES = {"welcome": 20.0, "pool": _WINDOW, "end": 20.0}  # seconds a code lives
#: Numbers of `msg_send_fail`.
TOO_LATE, OVER, TOO_MANY = 4, 5, 6


@dataclass(slots=True)
class Talk:
    """One customer's conversation with one account."""

    account: str
    customer: str
    state: int = ENDED
    servicer: str = ""
    left: int = 0  # messages the bot may still send
    last: float = 0.0  # Unix seconds of the customer's last message
    welcomed: float = 0.0


@dataclass(slots=True)
class Code:
    talk: Talk
    kind: str
    until: float


@dataclass(slots=True)
class Desk:
    """All accounts. ``log`` of an account is what sync_msg pages through, oldest first."""

    phones: Phones
    counters: Counter[str]
    rng: random.Random
    servicers: tuple[str, ...] = ("anna", "boris")
    log: dict[str, list[Json]] = field(default_factory=dict)
    talks: dict[tuple[str, str], Talk] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)  # callback token → its end
    sent: dict[str, str] = field(default_factory=dict)  # msgid → customer
    media: dict[str, tuple[bytes, str, str]] = field(default_factory=dict)
    split: int = 0  # longest page; 0 for any
    fails: Callable[[], bool] = lambda: False
    _ids: Any = field(default_factory=lambda: itertools.count(time.time_ns() // 1000))

    def new_msgid(self) -> str:
        return f"kf{next(self._ids)}"

    def talk(self, account: str, customer: str) -> Talk:
        return self.talks.setdefault((account, customer), Talk(account, customer))

    def doorbell(self) -> str:
        """Return a token for one callback, good for ten minutes."""
        token = f"ENC{secrets.token_hex(12)}"
        self.tokens[token] = time.time() + 600
        return token

    # -- what people do ----------------------------------------------------------------------------------

    def says(
        self, account: str, customer: str, msgtype: str, body: Json, msgid: str = "", at: float = 0.0
    ) -> Json:
        """Let a customer write: the conversation lives again, with five messages for the bot."""
        talk = self.talk(account, customer)
        if talk.state == ENDED:
            talk.state = NEW
        talk.left, talk.last = _BUDGET, at or time.time()
        self.phones.join(customer)
        return self._add(account, customer, CUSTOMER, msgtype, body, msgid=msgid, at=at)

    def enters(self, account: str, customer: str, scene: str = "") -> Json:
        """Let a customer open the chat; a welcome code comes with it where the rules give one."""
        talk, now = self.talk(account, customer), time.time()
        event: Json = {"event_type": "enter_session", "scene": scene, "scene_param": ""}
        if now - max(talk.welcomed, talk.last) > _WINDOW:
            event["welcome_code"] = self._code(talk, "welcome")
        self.phones.join(customer)
        return self.event(account, customer, event)

    def servicer_says(self, account: str, customer: str, servicer: str, text: str) -> None:
        talk = self.talk(account, customer)
        if talk.state != PERSON:
            self._moved(talk, PERSON, servicer, 4 if talk.state == ENDED else 1)
        self._add(account, customer, SERVICER, "text", {"content": text}, servicer=servicer)
        self.phones.show(
            customer, msgid=self.new_msgid(), msgtype="text", text=text, body={}, via="servicer", tell=False
        )

    def ends(self, account: str, customer: str) -> None:
        self._moved(self.talk(account, customer), ENDED, "", 3)

    def event(self, account: str, customer: str, event: Json) -> Json:
        facts = {"open_kfid": account, **({"external_userid": customer} if customer else {}), **event}
        return self._add(account, "", SYSTEM, "event", facts)

    def _moved(self, talk: Talk, state: int, servicer: str, change: int) -> None:
        event: Json = {"event_type": "session_status_change", "change_type": change}
        if talk.servicer:
            event["old_servicer_userid"] = talk.servicer
        if servicer:
            event["new_servicer_userid"] = servicer
        if change in (1, 3):
            event["msg_code"] = self._code(talk, "pool" if change == 1 else "end")
        talk.state, talk.servicer = state, servicer
        self.event(talk.account, talk.customer, event)

    def _add(
        self, account: str, customer: str, origin: int, msgtype: str, body: Json, *,
        msgid: str = "", servicer: str = "", at: float = 0.0,
    ) -> Json:  # fmt: skip
        entry: Json = {
            "msgid": msgid or self.new_msgid(),
            "send_time": int(at or time.time()),
            "origin": origin,
        }
        if msgtype != "event":
            entry |= {"open_kfid": account, "external_userid": customer}
        if servicer:
            entry["servicer_userid"] = servicer
        entry |= {"msgtype": msgtype, msgtype: body}
        self.log.setdefault(account, []).append(entry)
        return entry

    def _code(self, talk: Talk, kind: str) -> str:
        code = secrets.token_hex(8)
        self.codes[code] = Code(talk, kind, time.time() + _CODES[kind])
        return code

    # -- the API -----------------------------------------------------------------------------------------

    def sync(self, body: Json) -> Json:
        """Return a page. Cursors are opaque; a page may be short, or empty with more to come."""
        account = str(body.get("open_kfid", ""))
        if account not in self.log:
            raise ApiError(95004)
        token = body.get("token")
        if token and self.tokens.get(str(token), 0.0) < time.time():
            raise ApiError(95007)
        if not token:
            self.counters["sync_without_token"] += 1
        log = self.log[account]
        start = self._start(str(body.get("cursor") or ""), log)
        limit = min(int(body.get("limit") or 1000), 1000)
        if self.split:
            limit = min(limit, self.rng.randint(0, self.split))
        page = log[start : start + limit]
        end = start + len(page)
        return {"next_cursor": f"4gw7{end:012x}", "has_more": int(end < len(log)), "msg_list": page}

    def _start(self, cursor: str, log: list[Json]) -> int:
        if not cursor:
            since = time.time() - 3 * 86_400
            return next((n for n, entry in enumerate(log) if entry["send_time"] >= since), len(log))
        try:
            return int(cursor.removeprefix("4gw7"), 16)
        except ValueError:
            raise ApiError(40058) from None

    def send(self, body: Json) -> Json:
        """Carry out send_msg. What only shows later that it cannot be is told by an event."""
        talk = self.talks.get((str(body.get("open_kfid")), str(body.get("touser"))))
        if talk is None:
            raise ApiError(40096)
        msgid = str(body.get("msgid") or self.new_msgid())
        if msgid in self.sent:
            self.counters["repeats_refused"] += 1
            raise ApiError(40058, "invalid msgid, it was used before. ")
        if len(msgid) > 32:
            raise ApiError(40058, "invalid msgid. ")
        if talk.state not in (NEW, BOT):
            raise ApiError(95018)
        if time.time() - talk.last > _WINDOW:
            raise ApiError(95002)
        if talk.left <= 0:
            raise ApiError(95001)
        text = self._text(body)
        talk.left -= 1
        self.sent[msgid] = talk.customer
        if self.fails():
            self.event(
                talk.account,
                talk.customer,
                {"event_type": "msg_send_fail", "fail_msgid": msgid, "fail_type": 10},
            )
            return {"msgid": msgid}
        self.phones.show(talk.customer, msgid=msgid, msgtype=str(body["msgtype"]), text=text, body=body)
        return {"msgid": msgid}

    def send_on_event(self, body: Json) -> Json:
        """Carry out send_msg_on_event: one message for one code."""
        code = self.codes.pop(str(body.get("code")), None)
        if code is None or code.until < time.time():
            raise ApiError(40058, "invalid code. ")
        if body.get("msgtype") not in ("text", "msgmenu"):
            raise ApiError(40008)
        msgid = str(body.get("msgid") or self.new_msgid())
        self.phones.show(
            code.talk.customer,
            msgid=msgid,
            msgtype=str(body["msgtype"]),
            text=self._text(body),
            body=body,
            via="event",
        )
        if code.kind == "welcome":
            code.talk.welcomed = time.time()
        return {"msgid": msgid}

    def _text(self, body: Json) -> str:
        msgtype = str(body.get("msgtype", ""))
        content = body.get(msgtype)
        if not isinstance(content, dict):
            raise ApiError(40008)
        if msgtype == "text":
            text = str(content.get("content", ""))
            if not text.strip():
                raise ApiError(44004)
            if len(text.encode()) > _TEXT_BYTES:
                raise ApiError(45002)
            return text
        if msgtype == "msgmenu":
            items = content.get("list") or []
            if len(items) > 10:
                raise ApiError(95008)
            inner = [str(each.get(each.get("type"), {}).get("content", "")) for each in items]
            return "\n".join(
                [str(content.get("head_content", "")), *inner, str(content.get("tail_content", ""))]
            ).strip()
        if "media_id" in content and content["media_id"] not in self.media:
            raise ApiError(40007)
        return str(content.get("title") or content.get("name") or f"[{msgtype}]")

    def state(self, body: Json) -> Json:
        talk = self.talk(str(body.get("open_kfid")), str(body.get("external_userid")))
        return {"service_state": talk.state, **({"servicer_userid": talk.servicer} if talk.servicer else {})}

    def transfer(self, body: Json) -> Json:
        talk = self.talk(str(body.get("open_kfid")), str(body.get("external_userid")))
        state = int(body.get("service_state", -1))
        if state not in _ALLOWED[talk.state]:
            raise ApiError(95016)
        servicer = str(body.get("servicer_userid") or "")
        if state == PERSON and servicer not in self.servicers:
            raise ApiError(95014)
        talk.state, talk.servicer = state, servicer if state == PERSON else ""
        answer: Json = {}
        if state in (POOL, PERSON, ENDED):
            answer["msg_code"] = self._code(talk, "end" if state == ENDED else "pool")
        return answer

    def customers(self, body: Json) -> Json:
        ids = [str(each) for each in body.get("external_userid_list") or ()]
        known = {customer for _, customer in self.talks}
        found = [
            {"external_userid": i, "nickname": i.title(), "avatar": "", "gender": 0}
            for i in ids
            if i in known
        ]
        return {"customer_list": found, "invalid_external_userid": [i for i in ids if i not in known]}
