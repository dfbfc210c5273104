"""The platform's side of callbacks: sign, encrypt, deliver, try again, and prove the URL.

Source: "Callback configuration" (document/path/90930) and "Encryption and decryption scheme" (90968).
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio
from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from mindbot.domain.message import Json
from mindbot.sim.faults import Faults, Kind, kind
from mindbot.sim.wecom.crypto import BadEnvelope, Crypto
from mindbot.sim.wecom.xml import Value, cdata, from_xml, to_xml

#: Faults of the pushes; each is decided anew for every attempt, so a repeat may be sound again.
PUSH_KINDS: Mapping[str, Kind] = {
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
_VERIFY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class PushRules:
    """How stubborn the platform is.

    ``timeout`` (seconds) and ``attempts`` are documented. Newer documentation repeats only after a failed
    connection or a timeout, older after every answer that is not 200: ``retry_non_200`` decides.
    ``persistent_pause`` (seconds) lies between the attempts of a persistent push.
    """

    timeout: float = 5.0
    attempts: int = 3
    retry_non_200: bool = True
    persistent_pause: float = 0.2


@dataclass(slots=True)
class Pushed:
    """What became of one push. ``took`` is seconds from the first attempt to the ack (or the last failure).

    ``reply`` holds the fields of a passive reply; ``error`` says why the last attempt failed.
    """

    msgid: str
    acked: bool = False
    attempts: int = 0
    status: int = 0
    took: float = 0.0
    error: str = ""
    reply: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Verification:
    """The platform's verdict on a callback URL, and why."""

    ok: bool
    reason: str = ""


class Pusher:
    """Delivers callbacks of one application."""

    def __init__(
        self,
        session: ClientSession,
        crypto: Crypto,
        envelope: Json,
        rules: PushRules,
        faults: Faults,
        counters: Counter[str],
    ) -> None:
        self._session = session
        self._crypto = crypto
        # The parts around the ciphertext never change.
        self._head = "<xml><ToUserName>" + cdata(envelope["corpid"]) + "</ToUserName><Encrypt><![CDATA["
        self._tail = "]]></Encrypt><AgentID>" + cdata(str(envelope["agentid"])) + "</AgentID></xml>"
        self._corpid = envelope["corpid"]
        self.use(rules)
        self._faults = faults
        self._counters = counters
        # Unique across restarts of the simulator too: a daemon remembers ids for days.
        self._ids = itertools.count(7_300_000_000_000_000_000 + time.time_ns() // 1000)

    def use(self, rules: PushRules) -> None:
        """Change the rules for the pushes from now on."""
        self.rules = rules
        self._timeout = ClientTimeout(total=rules.timeout)

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
        self._counters["pushes"] += 1
        start = time.perf_counter()
        while True:
            await self._attempt(url, plain, pushed)
            pushed.took = time.perf_counter() - start
            if pushed.acked:
                self._counters["acked"] += 1
                break
            if persistent and pushed.took < persistent:
                await anyio.sleep(self.rules.persistent_pause)
            elif pushed.attempts >= self.rules.attempts or (pushed.status and not self.rules.retry_non_200):
                self._counters["unacked"] += 1
                return pushed
        if self._faults and (again := self._faults.strike("callback", "duplicate")):
            for _ in range(again.count("times", 1)):
                await self._attempt(url, plain, Pushed(pushed.msgid))
        return pushed

    async def _attempt(self, url: str, plain: bytes, pushed: Pushed) -> None:
        """Make one attempt, each with its own nonce and ciphertext; the outcome goes into ``pushed``."""
        pushed.attempts += 1
        self._counters["attempts"] += 1
        lost = bool(self._faults and self._faults.strike("callback", "lost-ack"))
        query, body = self._envelope(plain)
        pushed.status = 0
        try:
            async with self._session.post(
                URL(f"{url}?{query}", encoded=True),
                data=body,
                headers={"Content-Type": "text/xml"},
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                answer = await response.read()
        except TimeoutError:
            pushed.error = f"no answer within {self.rules.timeout:g}s"
            return
        except (ClientError, OSError) as exc:
            pushed.error = f"{type(exc).__name__}: {exc}"
            return
        if lost:
            pushed.error = "the answer was lost"
            return
        pushed.status = response.status
        pushed.acked = response.status == 200
        pushed.error = "" if pushed.acked else f"HTTP {response.status}"
        if pushed.acked and answer and answer != b"success":
            try:
                pushed.reply = self._read_reply(answer)
            except BadEnvelope as exc:
                pushed.error = f"bad reply: {exc}"
                self._counters["bad_replies"] += 1

    def _envelope(self, plain: bytes) -> tuple[str, bytes]:
        """Return the query and the body of one attempt."""
        struck = self._faults.strikes("callback", _FORGED) if self._faults else ()
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
        body = f"{self._head}{encrypted}{self._tail}"
        if "bad-xml" in forged:
            body = body[5:90]
        if "dtd" in forged:
            body = _DTD + body
        return f"msg_signature={signature}&timestamp={timestamp}&nonce={nonce}", body.encode()

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

    async def verify(self, url: str) -> Verification:
        """Prove a callback URL as the console does when it is saved: within 1 s, the echo alone."""
        echo = str(secrets.randbelow(10**19))
        timestamp, nonce = str(int(time.time())), str(secrets.randbelow(10**10))
        encrypted = self._crypto.encrypt(echo.encode())
        query = {
            "msg_signature": self._crypto.sign(timestamp, nonce, encrypted),
            "timestamp": timestamp,
            "nonce": nonce,
            "echostr": encrypted,
        }
        try:
            with anyio.fail_after(_VERIFY_SECONDS):
                async with self._session.get(URL(url).with_query(query), allow_redirects=False) as response:
                    answer = await response.read()
        except TimeoutError:
            return Verification(False, "no answer within 1s")
        except (ClientError, OSError) as exc:
            return Verification(False, f"{type(exc).__name__}: {exc}")
        if response.status != 200:
            return Verification(False, f"HTTP {response.status}")
        if answer != echo.encode():
            return Verification(False, f"answered {answer[:80]!r}, not the bare echo {echo!r}")
        return Verification(True)
