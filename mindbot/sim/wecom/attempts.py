"""What callbacks of WeCom have in common: sealed, posted, tried again, and their URL proven.

Source: "Callback configuration" (document/path/90930) and "Encryption and decryption scheme" (90968).
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields

import anyio
from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from mindbot.domain.message import Json
from mindbot.sim.faults import Faults
from mindbot.sim.wecom.crypto import CallbackCipher

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
class Outcome:
    """What became of one callback. ``took`` is seconds from the first attempt to the ack or last failure;
    ``error`` says why the last attempt failed."""

    msgid: str
    acked: bool = False
    attempts: int = 0
    status: int = 0
    took: float = 0.0
    error: str = ""

    def to_json(self) -> Json:
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class Verification:
    """The platform's verdict on a callback URL, and why."""

    ok: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A plaintext as one attempt carries it; ``forged`` are the faults that struck it."""

    query: str
    encrypted: str
    forged: frozenset[str]


class Caller:
    """Calls back; what the body looks like around the ciphertext is up to its heirs."""

    def __init__(
        self,
        session: ClientSession,
        crypto: CallbackCipher,
        rules: PushRules,
        faults: Faults,
        counters: Counter[str],
    ) -> None:
        self._session = session
        self._crypto = crypto
        self.rules = rules
        self._faults = faults
        self._counters = counters

    async def _deliver(
        self, outcome: Outcome, attempt: Callable[[], Awaitable[None]], persistent: float
    ) -> bool:
        """Attempt until it is acknowledged or given up: after the rules' attempts, or ``persistent`` seconds
        where that is longer."""
        self._counters["pushes"] += 1
        began = time.perf_counter()
        while True:
            await attempt()
            outcome.took = time.perf_counter() - began
            if outcome.acked:
                self._counters["acked"] += 1
                return True
            if persistent and outcome.took < persistent:
                await anyio.sleep(self.rules.persistent_pause)
            elif outcome.attempts >= self.rules.attempts or (outcome.status and not self.rules.retry_non_200):
                self._counters["unacked"] += 1
                return False

    def _again(self) -> int:
        """Return how often an acknowledged callback is delivered once more."""
        again = self._faults.strike("callback", "duplicate") if self._faults else None
        return again.count("times", 1) if again else 0

    async def _post(
        self, url: str, query: str, body: bytes, content_type: str, outcome: Outcome, *, lost: bool
    ) -> bytes:
        """Make one attempt and put its outcome down; returns what an ack says, if anything."""
        outcome.status, outcome.acked = 0, False
        try:
            async with self._session.post(
                URL(f"{url}?{query}", encoded=True),
                data=body,
                headers={"Content-Type": content_type},
                timeout=ClientTimeout(total=self.rules.timeout),
                allow_redirects=False,
            ) as response:
                answer = await response.read()
        except TimeoutError:
            outcome.error = f"no answer within {self.rules.timeout:g}s"
            return b""
        except (ClientError, OSError) as exc:
            outcome.error = f"{type(exc).__name__}: {exc}"
            return b""
        if lost:
            outcome.error = "the answer was lost"
            return b""
        outcome.status = response.status
        outcome.acked = response.status == 200
        outcome.error = "" if outcome.acked else f"HTTP {response.status}"
        return answer if outcome.acked and answer != b"success" else b""

    def _seal(self, plain: bytes, path: str, kinds: frozenset[str]) -> Sealed:
        """Encrypt and sign for one attempt, with the forgeries that strike it."""
        struck = self._faults.strikes(path, kinds) if self._faults else ()
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
        query = f"msg_signature={signature}&timestamp={timestamp}&nonce={nonce}"
        return Sealed(query, encrypted, frozenset(forged))

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
