"""Webhook mode, the platform's side: signed and encrypted callbacks, encrypted answers, attempts.

Sources: WeCom developer centre, "Callback configuration" (path/90930), "Encryption and decryption" of AI bots
(path/101033).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from mindbot.domain.message import Json
from mindbot.sim.faults import FaultKind, kind
from mindbot.sim.wecom.attempts import Caller, Outcome
from mindbot.sim.wecom.crypto import BadEnvelope

#: Faults of callbacks, decided for each attempt. The path is ``callback``, or ``poll`` for a poll.
HOOK_KINDS: Mapping[str, FaultKind] = {
    "lost-ack": kind(),  # the answer never reaches the platform, which calls (or polls) again
    "duplicate": kind("times"),  # delivered again although it was answered
    "bad-signature": kind(),
    "bad-receiveid": kind(),
    "bad-padding": kind("pad"),
    "bad-base64": kind(),
    "bad-json": kind(),
    "stale": kind("age"),
}
_FORGED = frozenset(HOOK_KINDS) - {"lost-ack", "duplicate"}


@dataclass(slots=True)
class Called(Outcome):
    """What became of a callback; ``reply`` is the decrypted answer."""

    reply: Json = field(default_factory=dict)


class Hook(Caller):
    """Calls one bot back."""

    async def call(self, url: str, body: Json, *, persistent: float = 0.0) -> Called:
        """Deliver a callback in up to three attempts; for ``persistent`` seconds where that is longer."""
        called = Called(str(body.get("msgid", "")))
        if await self._deliver(called, lambda: self.attempt(url, body, called, "callback"), persistent):
            for _ in range(self._again()):
                repeated = Called(called.msgid)
                await self.attempt(url, body, repeated, "callback")
                if repeated.acked and _stream(repeated.reply) != _stream(called.reply):
                    self._counters["other_stream"] += 1  # the same message must have the same stream
        return called

    async def attempt(self, url: str, body: Json, called: Called, path: str) -> None:
        """Make one attempt, with its own nonce and ciphertext; the outcome goes into ``called``."""
        called.attempts += 1
        called.reply = {}
        lost = bool(self._faults and self._faults.strike(path, "lost-ack"))
        sealed = self._seal(orjson.dumps(body), path, _FORGED)
        data = orjson.dumps({"encrypt": sealed.encrypted})
        if "bad-json" in sealed.forged:
            data = data[3:90]
        answer = await self._post(url, sealed.query, data, "application/json", called, lost=lost)
        if answer:
            try:
                called.reply = self._open(answer)
            except (BadEnvelope, ValueError, KeyError, TypeError) as exc:
                called.error = f"bad reply: {exc}"
                self._counters["bad_replies"] += 1

    def _open(self, answer: bytes) -> Json:
        """Return the decrypted answer; raises BadEnvelope, ValueError, KeyError, TypeError."""
        outer = orjson.loads(answer)
        if not isinstance(outer["timestamp"], int):
            raise BadEnvelope("timestamp is no number")
        expected = self._crypto.sign(str(outer["timestamp"]), str(outer["nonce"]), outer["encrypt"])
        if outer["msgsignature"] != expected:
            raise BadEnvelope("wrong signature")
        found: Json = orjson.loads(self._crypto.decrypt(outer["encrypt"]))
        return found


def _stream(reply: Json) -> str:
    stream = reply.get("stream")
    return str(stream.get("id")) if isinstance(stream, dict) else ""
