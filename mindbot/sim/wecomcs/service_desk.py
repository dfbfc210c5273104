"""Customers, servicers and their conversations: what people do, and what the platform keeps of it.

Source: WeCom developer centre, "Receiving messages and events" (path/94670), "Sending messages" (path/94677),
"Assigning conversations" (path/94669), "Messages in answer to events" (path/95122).
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.phones import Phones

CUSTOMER, SYSTEM, SERVICER = 3, 4, 5
NEW, BOT, POOL, PERSON, ENDED = range(5)
BUDGET = 5
WINDOW = 48 * 3600.0  # seconds
_CODES = {"welcome": 20.0, "people": WINDOW, "end": 20.0}  # seconds a code lives
_TOKEN_LIFE = 600.0  # seconds
#: Bytes of a customer's file; a larger one arrives as a notice.
FILES = {"image": 2 << 20, "voice": 2 << 20, "video": 10 << 20, "file": 20 << 20}


@dataclass(slots=True)
class Talk:
    """One customer's conversation with one account. Times are Unix seconds."""

    account: str
    customer: str
    state: int = ENDED
    servicer: str = ""
    left: int = 0  # messages the bot may still send
    last: float = 0.0  # the customer's last message
    welcomed: float = 0.0
    handed: bool = False  # people had it once since the customer wrote first


@dataclass(slots=True)
class Code:
    """Good for one message until a time, and (but for a welcome) while the talk is in this state."""

    talk: Talk
    kind: str
    until: float
    state: int


@dataclass(slots=True)
class ServiceDesk:
    """All accounts. ``log`` of an account is what sync_msg pages through, oldest first."""

    phones: Phones
    clock: Callable[[], float] = time.time  # Unix seconds
    servicers: dict[str, bool] = field(default_factory=lambda: {"anna": True, "boris": True})
    log: dict[str, list[Json]] = field(default_factory=dict)
    talks: dict[tuple[str, str], Talk] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)  # callback token → its end
    media: dict[str, tuple[bytes, str, str]] = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: itertools.count(time.time_ns() // 1000))

    def new_msgid(self) -> str:
        return f"kf{next(self._ids)}"

    def talk(self, account: str, customer: str) -> Talk:
        """Return a conversation; one without a message for two days has ended."""
        talk = self.talks.setdefault((account, customer), Talk(account, customer))
        if talk.last and talk.state != ENDED and self.clock() - talk.last > WINDOW:
            self.move(talk, ENDED, "", 3)
        return talk

    def doorbell(self) -> str:
        """Return a token for one callback, good for ten minutes."""
        token = f"ENC{secrets.token_hex(12)}"
        self.tokens[token] = self.clock() + _TOKEN_LIFE
        return token

    def keep_file(self, content: bytes, type: str, name: str) -> str:
        """Keep a file; returns its media id."""
        id = f"M{len(self.media)}-{secrets.token_hex(4)}"
        self.media[id] = (content, type, name)
        return id

    # -- customers ---------------------------------------------------------------------------------------

    def says(
        self, account: str, customer: str, msgtype: str, body: Json, msgid: str = "", at: float = 0.0
    ) -> Json:
        """Let a customer write: the conversation lives again, with five messages for the bot."""
        talk = self.talk(account, customer)
        if talk.state == ENDED:
            talk.state, talk.servicer, talk.handed = NEW, "", False
        talk.left, talk.last = BUDGET, at or self.clock()
        self.phones.join(customer)
        return self._add(account, customer, CUSTOMER, msgtype, body, msgid=msgid, at=at)

    def sends_file(
        self, account: str, customer: str, kind: str, content: bytes, type: str, name: str
    ) -> Json:
        """Let a customer send a file; one over the limit arrives as a notice."""
        if len(content) > FILES[kind]:
            return self.says(account, customer, "text", {"content": f"[{kind} too large to be received]"})
        return self.says(account, customer, kind, {"media_id": self.keep_file(content, type, name)})

    def enters(self, account: str, customer: str, scene: str = "", scene_param: str = "") -> Json:
        """Let a customer open the chat; a welcome code comes with it where the rules give one."""
        talk, now = self.talk(account, customer), self.clock()
        event: Json = {"event_type": "enter_session", "scene": scene, "scene_param": scene_param}
        if now - max(talk.welcomed, talk.last) > WINDOW:
            event["welcome_code"] = self.code(talk, "welcome")
        self.phones.join(customer)
        return self.event(account, customer, event)

    def recalls(self, account: str, customer: str, msgid: str) -> Json:
        """Let a customer take a message back."""
        return self.event(account, customer, {"event_type": "user_recall_msg", "recall_msgid": msgid})

    # -- servicers ---------------------------------------------------------------------------------------

    def servicer_says(self, account: str, customer: str, servicer: str, text: str) -> Json:
        """Let a servicer write; the conversation is theirs then."""
        talk = self.talk(account, customer)
        if talk.state != PERSON or talk.servicer != servicer:
            self.move(talk, PERSON, servicer, 4 if talk.state == ENDED else 1)
        entry = self._add(account, customer, SERVICER, "text", {"content": text}, servicer=servicer)
        msgid = str(entry["msgid"])
        self.phones.show(
            customer, msgid=msgid, msgtype="text", text=text, body={}, via="servicer", tell=False
        )
        return entry

    def takes(self, account: str, customer: str, servicer: str) -> None:
        """Let a servicer take a conversation from the pool."""
        self.move(self.talk(account, customer), PERSON, servicer, 1)

    def passes(self, account: str, customer: str, servicer: str) -> None:
        """Let a servicer pass a conversation on to another."""
        self.move(self.talk(account, customer), PERSON, servicer, 2)

    def ends(self, account: str, customer: str) -> None:
        """Let the servicer end the conversation."""
        self.move(self.talk(account, customer), ENDED, "", 3)

    def servicer_recalls(self, account: str, customer: str, servicer: str, msgid: str) -> Json:
        """Let a servicer take a message back."""
        self.phones.remove(customer, msgid)
        event = {"event_type": "servicer_recall_msg", "recall_msgid": msgid, "servicer_userid": servicer}
        return self.event(account, customer, event)

    def attends(self, servicer: str, there: bool) -> None:
        """Let a servicer take conversations, or stop taking them; every account tells."""
        self.servicers[servicer] = there
        status: Json = {"status": 1} if there else {"status": 2, "stop_type": 0}
        for account in self.log:
            event = {"event_type": "servicer_status_change", "servicer_userid": servicer, **status}
            self.event(account, "", event)

    def refuses(self, account: str, customer: str, servicer: str, refused: bool) -> Json:
        """Let a servicer refuse a customer's messages, or allow them again."""
        event: Json = {"event_type": "reject_customer_msg_switch_change", "servicer_userid": servicer}
        return self.event(account, customer, event | {"reject_switch": int(refused)})

    # -- the platform ------------------------------------------------------------------------------------

    def event(self, account: str, customer: str, event: Json) -> Json:
        """Add an event; whom it is about stands inside of it."""
        facts = {"open_kfid": account, **({"external_userid": customer} if customer else {}), **event}
        return self._add(account, "", SYSTEM, "event", facts)

    def move(self, talk: Talk, state: int, servicer: str, change: int) -> None:
        """Change a conversation's state as people do it, and tell."""
        event: Json = {"event_type": "session_status_change", "change_type": change}
        if talk.servicer:
            event["old_servicer_userid"] = talk.servicer
        if servicer:
            event["new_servicer_userid"] = servicer
        talk.state, talk.servicer = state, servicer
        talk.handed = talk.handed or state == PERSON
        if change in (1, 3):
            event["msg_code"] = self.code(talk, "people" if change == 1 else "end")
        self.event(talk.account, talk.customer, event)

    def code(self, talk: Talk, kind: str) -> str:
        """Return a code for one message."""
        code = secrets.token_hex(8)
        self.codes[code] = Code(talk, kind, self.clock() + _CODES[kind], talk.state)
        return code

    def _add(
        self, account: str, customer: str, origin: int, msgtype: str, body: Json, *,
        msgid: str = "", servicer: str = "", at: float = 0.0,
    ) -> Json:  # fmt: skip
        entry: Json = {
            "msgid": msgid or self.new_msgid(),
            "send_time": int(at or self.clock()),
            "origin": origin,
        }
        if msgtype != "event":
            entry |= {"open_kfid": account, "external_userid": customer}
        if servicer:
            entry["servicer_userid"] = servicer
        entry |= {"msgtype": msgtype, msgtype: body}
        self.log.setdefault(account, []).append(entry)
        return entry
