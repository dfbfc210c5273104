"""Several keys of one vendor: which may be used now, and what a refusal means for the others.

The same for chat, embeddings and search: a key that is throttled or spent is left alone and the next one is
used in the same call; one that is refused is left alone too, and that is told, for it hides a wrong setting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import SecretStr

from mindbot.config.models import THE_KEY, ProviderSettings
from mindbot.domain.errors import (
    AuthFailed,
    MindBotError,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    SecretError,
    VendorError,
)
from mindbot.domain.turn import Clock
from mindbot.providers.management.breaker import Breakers, CircuitKey
from mindbot.providers.management.resets import asked_again
from mindbot.providers.shared.circuit import AUTH, CoolReason
from mindbot.telemetry.redaction import told

T = TypeVar("T")

#: Failures of one key that another may not have.
OF_THE_KEY = (AuthFailed, QuotaExceeded, RateLimited, SecretError)
_UNREADABLE = 30.0  # seconds a key is left alone that cannot be read
#: The code of a failure without a call: whoever would be asked is left alone.
COOLING = "cooling"


@dataclass(frozen=True, slots=True)
class PoolKey:
    """A key by its label; nobody is shown more. ``secret`` is None where no key is wanted."""

    label: str
    secret: SecretStr | None = None
    account: str = ""


def keys_of(settings: ProviderSettings) -> tuple[PoolKey, ...]:
    """Return the keys of an entry: `api_key`, then `api_keys`; one without a secret where there are none."""
    found = [PoolKey(THE_KEY, settings.api_key)] if settings.api_key is not None else []
    found += [PoolKey(each.label, each.key, each.account) for each in settings.api_keys]
    return tuple(found) or (PoolKey(""),)


def reference_of(settings: ProviderSettings, label: str) -> str:
    """Return what a label stands for: the key as the configuration has it (a reference, mostly) and the
    server that it is shown to. Empty where no key has that label. For comparing; it may hold a secret."""
    for key in keys_of(settings):
        if key.label == label:
            return f"{settings.base_url} {key.secret.get_secret_value() if key.secret else ''}"
    return ""


class KeyPool:
    """The keys of one provider, by turns."""

    def __init__(self, provider: str, keys: Sequence[PoolKey], breakers: Breakers, clock: Clock) -> None:
        self.provider = provider
        self.keys = tuple(keys)
        self._breakers = breakers
        self._clock = clock
        self._turn = 0

    def line(self) -> list[PoolKey]:
        """Return all keys, beginning with another one each time."""
        begin = self._turn % len(self.keys)
        self._turn += 1
        return [*self.keys[begin:], *self.keys[:begin]]

    async def ask(self, call: Callable[[PoolKey], Awaitable[T]], tell: Callable[[MindBotError], None]) -> T:
        """Call with one key after the other until one of them is taken; ``tell`` learns why one is not.

        Raises:
            MindBotError: the first failure when none is, or the first that is not for a key.
        """
        failures: list[MindBotError] = []
        for key in self.line():
            circuit = self._breakers.of(CircuitKey(self.provider, key.label))
            if (admission := circuit.admit()) is None:
                continue
            try:
                done = await call(key)
            except OF_THE_KEY as exc:
                self.refused(key, exc)
                tell(exc)
                failures.append(exc)
            else:
                if circuit.succeeded(admission):
                    self._breakers.changed.add(CircuitKey(self.provider, key.label))
                return done
            finally:
                circuit.release(admission)
        raise failures[0] if failures else self.left_alone(self.keys[0])

    def left_alone(self, key: PoolKey, model: str = "") -> VendorError:
        """Return the failure that says why a key is not used now; its code is `COOLING`."""
        circuits = [self._breakers.of(CircuitKey(self.provider, key.label, name)) for name in {"", model}]
        circuit = max(circuits, key=lambda each: (each.reason is not None, each.waits))
        seconds = max(1.0, circuit.waits)
        what = f"{self.provider}: left alone for {seconds:.0f}s more"
        message = f"{what}: {circuit.why}" if circuit.why else what
        if circuit.reason == "rate":
            return RateLimited(message, code=COOLING, retry_after=seconds)
        kinds: dict[str | None, type[VendorError]] = {"quota": QuotaExceeded, "auth": AuthFailed}
        return kinds.get(circuit.reason, Overloaded)(message, code=COOLING)

    def refused(self, key: PoolKey, failure: MindBotError, model: str = "", *, rate: bool = True) -> bool:
        """Leave a key alone for what it was refused with; true when that was done.

        Keys of one account are left alone together for a rate and for money. ``rate`` is false for whom
        nobody could replace: such a one waits in its call instead.
        """
        now = self._clock()
        why = told(failure.message)
        if isinstance(failure, AuthFailed):
            self._cool(CircuitKey(self.provider, key.label), now + AUTH, "auth", why)
        elif isinstance(failure, SecretError) and rate:
            self._cool(CircuitKey(self.provider, key.label), now + _UNREADABLE, "auth", why)
        elif isinstance(failure, QuotaExceeded):
            until = asked_again(failure, now)
            for each in self._beside(key):
                self._cool(CircuitKey(self.provider, each.label), until, "quota", why)
        elif isinstance(failure, RateLimited) and rate:
            for each in self._beside(key):
                limited = CircuitKey(self.provider, each.label, model)
                self._cool(limited, now + failure.retry_after, "rate", why)
        else:
            return False
        return True

    def _beside(self, key: PoolKey) -> list[PoolKey]:
        return [each for each in self.keys if each == key or (key.account and each.account == key.account)]

    def _cool(self, key: CircuitKey, until: float, reason: CoolReason, why: str) -> None:
        self._breakers.of(key).cool(until, reason, why)
        self._breakers.changed.add(key)
