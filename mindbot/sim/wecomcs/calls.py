"""The API calls of customer service, over a `ServiceDesk`.

Source: WeCom developer centre, "Customer service" (path/94638 and following).
"""

from __future__ import annotations

import random
import re
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from mindbot.domain.message import Json
from mindbot.sim.wecom.tokens import ApiError
from mindbot.sim.wecomcs.content import readable
from mindbot.sim.wecomcs.service_desk import BOT, ENDED, NEW, PERSON, POOL, WINDOW, Code, ServiceDesk, Talk

_ALLOWED = {
    NEW: {BOT, POOL, PERSON, ENDED},
    BOT: {BOT, POOL, PERSON, ENDED},
    POOL: {POOL, PERSON, ENDED},
    PERSON: {PERSON, ENDED},
    ENDED: set[int](),
}
_HISTORY = 3 * 86_400.0  # seconds
_MSGID = re.compile(r"[0-9a-zA-Z_-]{1,32}")
_CURSOR = re.compile(r"4gw7[0-9a-f]{12}")
#: Types that answer an event, by what its code is from.
_ON_EVENT = {"welcome": ("text", "msgmenu"), "people": ("text",), "end": ("text", "msgmenu")}
#: Numbers of `msg_send_fail`, by the code of the refusal that could have been.
_LATER = {95002: 4, 95018: 5, 95001: 6}
_REFUSED_BY_CUSTOMER = 10


@dataclass(frozen=True, slots=True)
class Rules:
    """What the documents leave open or only hint at.

    ``split`` is the longest page of sync_msg, at random from none; 0 for any. ``tokenless`` is how many calls
    a minute are allowed without a callback's token (0: any number). ``late`` tells of refusals (48 hours,
    five messages, state) by an event after errcode 0. ``repeated`` is the code for a msgid that was used.
    """

    split: int = 0
    tokenless: int = 0
    late: bool = False
    repeated: int = 40058


@dataclass(slots=True)
class Calls:
    """See the module. ``fails`` says of each message that was accepted whether it fails later."""

    desk: ServiceDesk
    counters: Counter[str]
    rng: random.Random
    rules: Rules = Rules()
    managed: Callable[[str], bool] = lambda account: True
    fails: Callable[[], bool] = lambda: False
    sent: dict[tuple[str, str], str] = field(default_factory=dict)  # (account, msgid) → customer
    _tokenless: deque[float] = field(default_factory=deque)

    def sync(self, body: Json) -> Json:
        """Return a page. Cursors are opaque; a page may be short, or empty with more to come."""
        account = str(body.get("open_kfid", ""))
        if account not in self.desk.log:
            raise ApiError(95004)
        if not self.managed(account):
            raise ApiError(95017)
        self._admit(str(body.get("token") or ""))
        log = self.desk.log[account]
        start = self._start(str(body.get("cursor") or ""), log)
        limit = min(int(body.get("limit") or 1000), 1000)
        if self.rules.split:
            limit = min(limit, self.rng.randint(0, self.rules.split))
        page = log[start : start + limit]
        end = start + len(page)
        return {"next_cursor": cursor_of(end), "has_more": int(end < len(log)), "msg_list": page}

    def _admit(self, token: str) -> None:
        now = self.desk.clock()
        if token:
            if self.desk.tokens.get(token, 0.0) < now:
                raise ApiError(95007)
            return
        self.counters["sync_without_token"] += 1
        if self.rules.tokenless:
            while self._tokenless and self._tokenless[0] < now - 60:
                self._tokenless.popleft()
            if len(self._tokenless) >= self.rules.tokenless:
                raise ApiError(45009)
            self._tokenless.append(now)

    def _start(self, cursor: str, log: list[Json]) -> int:
        since = self.desk.clock() - _HISTORY
        oldest = next((n for n, entry in enumerate(log) if entry["send_time"] >= since), len(log))
        if not cursor:
            return oldest
        if not _CURSOR.fullmatch(cursor):
            raise ApiError(40058, "invalid cursor. ")
        return max(oldest, int(cursor.removeprefix("4gw7"), 16))

    def send(self, body: Json) -> Json:
        """Carry out send_msg. What only shows later that it cannot be is told by an event."""
        account, customer = str(body.get("open_kfid")), str(body.get("touser"))
        if (account, customer) not in self.desk.talks:
            raise ApiError(40096)
        talk = self.desk.talk(account, customer)
        msgid = self._msgid(account, body)
        refused = self._refusal(talk)
        if refused and not self.rules.late:
            raise ApiError(refused)
        text = readable(body, self.desk.media)
        self.sent[account, msgid] = customer
        reason = _LATER.get(refused) or (_REFUSED_BY_CUSTOMER if self.fails() else 0)
        talk.left = max(0, talk.left - 1)
        if reason:
            self.desk.event(
                account, customer, {"event_type": "msg_send_fail", "fail_msgid": msgid, "fail_type": reason}
            )
        else:
            self.desk.phones.show(customer, msgid=msgid, msgtype=str(body["msgtype"]), text=text, body=body)
        return {"msgid": msgid}

    def _refusal(self, talk: Talk) -> int:
        if self.desk.clock() - talk.last > WINDOW:
            return 95002
        if talk.state not in (NEW, BOT):
            return 95018
        return 95001 if talk.left <= 0 else 0

    def _msgid(self, account: str, body: Json) -> str:
        msgid = str(body.get("msgid") or self.desk.new_msgid())
        if not _MSGID.fullmatch(msgid):
            raise ApiError(40058, "invalid msgid. ")
        if (account, msgid) in self.sent:
            self.counters["repeats_refused"] += 1
            raise ApiError(self.rules.repeated, "the msgid was used before. ")
        return msgid

    def send_on_event(self, body: Json) -> Json:
        """Carry out send_msg_on_event: one message for one code."""
        key = str(body.get("code"))
        code = self.desk.codes.get(key)
        if code is None or code.until < self.desk.clock():
            raise ApiError(40058, "invalid code. ")
        talk = code.talk
        if code.kind != "welcome" and self.desk.talk(talk.account, talk.customer).state != code.state:
            raise ApiError(95018)
        msgid = self._msgid(talk.account, body)
        if body.get("msgtype") not in _ON_EVENT[code.kind]:
            raise ApiError(40008)
        text = readable(body, self.desk.media)
        self._used(key, code)
        self.sent[talk.account, msgid] = talk.customer
        self.desk.phones.show(
            talk.customer, msgid=msgid, msgtype=str(body["msgtype"]), text=text, body=body, via="event"
        )
        return {"msgid": msgid}

    def _used(self, key: str, code: Code) -> None:
        del self.desk.codes[key]
        if code.kind == "welcome":
            code.talk.welcomed = self.desk.clock()

    def state(self, body: Json) -> Json:
        """Return whose conversation it is."""
        talk = self.desk.talk(str(body.get("open_kfid")), str(body.get("external_userid")))
        return {"service_state": talk.state, **({"servicer_userid": talk.servicer} if talk.servicer else {})}

    def transfer(self, body: Json) -> Json:
        """Change the state as the API may."""
        talk = self.desk.talk(str(body.get("open_kfid")), str(body.get("external_userid")))
        state = int(body.get("service_state", -1))
        if state not in _ALLOWED[talk.state]:
            raise ApiError(95016)
        servicer = str(body.get("servicer_userid") or "")
        if state == PERSON and servicer not in self.desk.servicers:
            raise ApiError(95014)
        if state == PERSON and not self.desk.servicers[servicer]:
            raise ApiError(95019)
        first = not talk.handed
        talk.state, talk.servicer = state, servicer if state == PERSON else ""
        talk.handed = talk.handed or state in (POOL, PERSON)
        if state == ENDED:
            return {"msg_code": self.desk.code(talk, "end")}
        return {"msg_code": self.desk.code(talk, "people")} if first and state in (POOL, PERSON) else {}

    def customers(self, body: Json) -> Json:
        """Return profiles."""
        ids = [str(each) for each in body.get("external_userid_list") or ()]
        if not 0 < len(ids) <= 100:
            raise ApiError(40058)
        known = {customer for _, customer in self.desk.talks}
        found = [
            {"external_userid": i, "nickname": i.title(), "avatar": "", "gender": 0}
            for i in ids
            if i in known
        ]
        return {"customer_list": found, "invalid_external_userid": [i for i in ids if i not in known]}

    def accounts(self, body: Json) -> Json:
        """Return a page of the accounts."""
        start, limit = int(body.get("offset") or 0), int(body.get("limit") or 100)
        if limit > 100:
            raise ApiError(40058)
        names = list(self.desk.log)[start : start + limit]
        rows = [{"open_kfid": n, "name": n, "avatar": "", "manage_privilege": self.managed(n)} for n in names]
        return {"account_list": rows}

    def servicers(self, body: Json) -> Json:
        """Return who serves an account."""
        rows = [{"userid": name, "status": int(not there)} for name, there in self.desk.servicers.items()]
        return {"servicer_list": rows}


def cursor_of(entries: int) -> str:
    """Return the cursor behind so many entries."""
    return f"4gw7{entries:012x}"
