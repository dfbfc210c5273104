"""Webhook mode, the platform's side: signed and encrypted callbacks, encrypted answers, attempts.

Sources: WeCom developer centre, "Callback configuration" (path/90930), "Encryption and decryption" of AI bots
(path/101033).
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio
import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from mindbot.domain.message import Json
from mindbot.sim.faults import Faults, Kind, kind
from mindbot.sim.wecom.crypto import BadEnvelope, Crypto
from mindbot.sim.wecom.push import PushRules, Verification

#: Faults of callbacks, decided for each attempt. The path is ``callback``, or ``poll`` for a poll.
HOOK_KINDS: Mapping[str, Kind] = {
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
class Called:
    """What became of a callback. ``reply`` is the decrypted answer; ``took`` is seconds."""

    msgid: str
    acked: bool = False
    attempts: int = 0
    status: int = 0
    took: float = 0.0
    error: str = ""
    reply: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


class Hook:
    """Calls one bot back."""

    def __init__(
        self,
        session: ClientSession,
        crypto: Crypto,
        rules: PushRules,
        faults: Faults,
        counters: Counter[str],
    ) -> None:
        self._session = session
        self._crypto = crypto
        self.rules = rules
        self._faults = faults
        self._counters = counters

    async def call(self, url: str, body: Json, *, persistent: float = 0.0) -> Called:
        """Deliver a callback in up to three attempts; for ``persistent`` seconds where that is longer."""
        called = Called(str(body.get("msgid", "")))
        self._counters["pushes"] += 1
        began = time.perf_counter()
        while True:
            await self.attempt(url, body, called, "callback")
            called.took = time.perf_counter() - began
            if called.acked:
                self._counters["acked"] += 1
                break
            if persistent and called.took < persistent:
                await anyio.sleep(self.rules.persistent_pause)
            elif called.attempts >= self.rules.attempts or (called.status and not self.rules.retry_non_200):
                self._counters["unacked"] += 1
                return called
        if self._faults and (again := self._faults.strike("callback", "duplicate")):
            for _ in range(again.count("times", 1)):
                repeated = Called(called.msgid)
                await self.attempt(url, body, repeated, "callback")
                if repeated.acked and _stream(repeated.reply) != _stream(called.reply):
                    self._counters["other_stream"] += 1  # the same message must have the same stream
        return called

    async def attempt(self, url: str, body: Json, called: Called, path: str) -> None:
        """Make one attempt, with its own nonce and ciphertext; the outcome goes into ``called``."""
        called.attempts += 1
        called.status, called.acked, called.reply = 0, False, {}
        lost = bool(self._faults and self._faults.strike(path, "lost-ack"))
        query, data = self._envelope(orjson.dumps(body), path)
        try:
            async with self._session.post(
                URL(f"{url}?{query}", encoded=True),
                data=data,
                headers={"Content-Type": "application/json"},
                timeout=ClientTimeout(total=self.rules.timeout),
                allow_redirects=False,
            ) as response:
                answer = await response.read()
        except TimeoutError:
            called.error = f"no answer within {self.rules.timeout:g}s"
            return
        except (ClientError, OSError) as exc:
            called.error = f"{type(exc).__name__}: {exc}"
            return
        if lost:
            called.error = "the answer was lost"
            return
        called.status = response.status
        called.acked = response.status == 200
        called.error = "" if called.acked else f"HTTP {response.status}"
        if called.acked and answer and answer != b"success":
            try:
                called.reply = self._open(answer)
            except (BadEnvelope, ValueError, KeyError, TypeError) as exc:
                called.error = f"bad reply: {exc}"
                self._counters["bad_replies"] += 1

    def _envelope(self, plain: bytes, path: str) -> tuple[str, bytes]:
        """Return the query and the body of one attempt."""
        struck = self._faults.strikes(path, _FORGED) if self._faults else ()
        forged = {fault.kind: fault for fault in struck}
        age = forged["stale"].count("age", 86_400) if "stale" in forged else 0
        timestamp, nonce = str(int(time.time()) - age), str(secrets.randbelow(10**10))
        encrypted = self._crypto.encrypt(
            plain,
            receive_id=b"ww_somebody_else" if "bad-receiveid" in forged else None,
            pad=forged["bad-padding"].count("pad", 33) if "bad-padding" in forged else None,
        )
        if "bad-base64" in forged:
            encrypted = encrypted[:-7]
        signature = self._crypto.sign(timestamp, nonce, encrypted)
        if "bad-signature" in forged:
            signature = signature[::-1]
        body = orjson.dumps({"encrypt": encrypted})
        if "bad-json" in forged:
            body = body[3:90]
        return f"msg_signature={signature}&timestamp={timestamp}&nonce={nonce}", body

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

    async def verify(self, url: str) -> Verification:
        """Prove a callback URL as the console does when it is saved: within 1 s, the echo alone."""
        echo = str(secrets.randbelow(10**19))
        timestamp, nonce = str(int(time.time())), str(secrets.randbelow(10**10))
        encrypted = self._crypto.encrypt(echo.encode())
        query = {"msg_signature": self._crypto.sign(timestamp, nonce, encrypted), "timestamp": timestamp}
        query |= {"nonce": nonce, "echostr": encrypted}
        try:
            with anyio.fail_after(1.0):
                async with self._session.get(URL(url).with_query(query), allow_redirects=False) as response:
                    answer = await response.read()
        except TimeoutError:
            return Verification(False, "no answer within 1s")
        except (ClientError, OSError) as exc:
            return Verification(False, f"{type(exc).__name__}: {exc}")
        if response.status != 200 or answer != echo.encode():
            return Verification(False, f"HTTP {response.status}: {answer[:80]!r}, not the bare echo {echo!r}")
        return Verification(True)


def _stream(reply: Json) -> str:
    stream = reply.get("stream")
    return str(stream.get("id")) if isinstance(stream, dict) else ""
