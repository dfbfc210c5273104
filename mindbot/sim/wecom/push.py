"""The platform's side of an application's callbacks, which are XML.

Source: "Callback configuration" (document/path/90930) and "Encryption and decryption scheme" (90968).
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import ClientSession

from mindbot.domain.message import Json
from mindbot.sim.faults import FaultKind, Faults, kind
from mindbot.sim.wecom.attempts import Caller, Outcome, PushRules
from mindbot.sim.wecom.crypto import BadEnvelope, CallbackCipher
from mindbot.sim.wecom.xml import Value, cdata, from_xml, to_xml

#: Faults of the pushes; each is decided anew for every attempt, so a repeat may be sound again.
PUSH_KINDS: Mapping[str, FaultKind] = {
    "lost-ack": kind(),  # the answer never reaches the platform, which sends again
    "duplicate": kind("times"),  # delivered again although it was acknowledged
    "bad-signature": kind(),
    "bad-receiveid": kind(),
    "bad-padding": kind("pad"),
    "bad-base64": kind(),  # the ciphertext is cut short, rightly signed
    "bad-xml": kind(),  # the body is no XML at all
    "dtd": kind(),  # the body is XML that declares entities
    "stale": kind("age"),  # signed long ago, by seconds
}
_FORGED = frozenset(PUSH_KINDS) - {"lost-ack", "duplicate"}
_DTD = '<!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@dataclass(slots=True)
class Pushed(Outcome):
    """What became of one push; ``reply`` holds the fields of a passive reply."""

    reply: dict[str, str] = field(default_factory=dict)


class Pusher(Caller):
    """Delivers callbacks of one application."""

    def __init__(
        self,
        session: ClientSession,
        crypto: CallbackCipher,
        envelope: Json,
        rules: PushRules,
        faults: Faults,
        counters: Counter[str],
    ) -> None:
        super().__init__(session, crypto, rules, faults, counters)
        # The parts around the ciphertext never change.
        self._head = "<xml><ToUserName>" + cdata(envelope["corpid"]) + "</ToUserName><Encrypt><![CDATA["
        self._tail = "]]></Encrypt><AgentID>" + cdata(str(envelope["agentid"])) + "</AgentID></xml>"
        self._corpid = envelope["corpid"]
        # Unique across restarts of the simulator too: a daemon remembers ids for days.
        self._ids = itertools.count(7_300_000_000_000_000_000 + time.time_ns() // 1000)

    def use(self, rules: PushRules) -> None:
        """Change the rules for the pushes from now on."""
        self.rules = rules

    def new_msgid(self) -> str:
        """Return a MsgId nobody had before."""
        return str(next(self._ids))

    async def push(self, url: str, fields: Mapping[str, Value], *, persistent: float = 0.0) -> Pushed:
        """Deliver one plaintext.

        The platform gives up after its attempts; ``persistent`` keeps sending for so many seconds instead,
        for tests that kill the receiver. Never raises for what the receiver does.
        """
        plain = to_xml(fields).encode()
        pushed = Pushed(str(fields.get("MsgId", "")))
        if await self._deliver(pushed, lambda: self._attempt(url, plain, pushed), persistent):
            for _ in range(self._again()):
                await self._attempt(url, plain, Pushed(pushed.msgid))
        return pushed

    async def _attempt(self, url: str, plain: bytes, pushed: Pushed) -> None:
        """Make one attempt, each with its own nonce and ciphertext; the outcome goes into ``pushed``."""
        pushed.attempts += 1
        self._counters["attempts"] += 1
        lost = bool(self._faults and self._faults.strike("callback", "lost-ack"))
        sealed = self._seal(plain, "callback", _FORGED)
        body = f"{self._head}{sealed.encrypted}{self._tail}"
        if "bad-xml" in sealed.forged:
            body = body[5:90]
        if "dtd" in sealed.forged:
            body = _DTD + body
        answer = await self._post(url, sealed.query, body.encode(), "text/xml", pushed, lost=lost)
        if answer:
            try:
                pushed.reply = self._read_reply(answer)
            except BadEnvelope as exc:
                pushed.error = f"bad reply: {exc}"
                self._counters["bad_replies"] += 1

    def _read_reply(self, answer: bytes) -> dict[str, str]:
        """Return the fields of a passive reply; raises BadEnvelope."""
        outer = from_xml(answer)
        try:
            encrypted = outer["Encrypt"]
            expected = self._crypto.sign(outer["TimeStamp"], outer["Nonce"], encrypted)
            signature = outer["MsgSignature"]
        except KeyError as exc:
            raise BadEnvelope(f"no {exc.args[0]} element") from exc
        if signature != expected:
            raise BadEnvelope("wrong signature")
        return from_xml(self._crypto.decrypt(encrypted))
