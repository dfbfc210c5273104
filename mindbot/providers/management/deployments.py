"""What can be asked: a model of a provider with one of its keys. Each key has a client, made at first use."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import anyio
import structlog

from mindbot import registry
from mindbot.config.model import Config
from mindbot.config.models import ProviderSettings
from mindbot.config.parts import UnreadProvider
from mindbot.domain.errors import ConfigError, NotFound, VendorError
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.answering import Closes, Provider
from mindbot.domain.ports.http import Http
from mindbot.providers.management.breaker import CircuitKey
from mindbot.providers.management.keys import KeyPool, PoolKey, keys_of
from mindbot.providers.management.standing import Standing
from mindbot.providers.shared.circuit import Admission, Circuit, CoolReason

_log = structlog.get_logger(__name__)
_CALLS = (Admission.CALL, Admission.CALL)
_NAMED = 5  # providers that a reason names
_KEPT = 1_000  # deployments that were made; the others are made again


@dataclass(frozen=True, slots=True)
class Deployment:
    """Who is asked, for what, with which key."""

    provider: str
    key: PoolKey
    model: str
    #: Those of the key as a whole and of the model with it.
    circuits: tuple[CircuitKey, CircuitKey] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        name, label = self.provider, self.key.label
        circuits = CircuitKey(name, label), CircuitKey(name, label, self.model or "default")
        object.__setattr__(self, "circuits", circuits)

    @property
    def named(self) -> Json:
        """What a trace calls it: its key by the label alone."""
        named: Json = {"provider": self.provider, "model": self.model}
        return {**named, "key": self.key.label} if self.key.label else named


class Ticket:
    """Leave to ask a deployment; ends in one of its methods. `release` after another does nothing."""

    def __init__(
        self,
        standing: Standing,
        keys: Sequence[CircuitKey],
        circuits: Sequence[Circuit],
        admissions: Sequence[Admission],
    ) -> None:
        self._standing = standing
        self._keys = keys
        self._circuits = circuits
        self._open = admissions

    def succeeded(self) -> None:
        """It answered."""
        for key, circuit, admission in zip(self._keys, self._circuits, self._open, strict=False):
            if circuit.succeeded(admission):
                self._standing.breakers.changed.add(key)
        self._open = ()

    def failed(self, why: str, *, opens: bool) -> None:
        """It failed, and not for its key: that is the model's failure."""
        of_the_key, of_the_model = self._open
        self._circuits[0].release(of_the_key)
        if self._circuits[1].failed(of_the_model, why, opens=opens):
            self._standing.breakers.changed.add(self._keys[1])
        self._open = ()

    def release(self) -> None:
        """It says nothing of whom was asked."""
        for circuit, admission in zip(self._circuits, self._open, strict=False):
            circuit.release(admission)
        if Admission.PROBE in self._open:
            self._standing.wake()  # another one may prove it
        self._open = ()


class Deployments:
    """All deployments of a configuration."""

    def __init__(self, config: Config, http: Http, secrets: Secrets, standing: Standing) -> None:
        self.settings = config.providers
        self._cool_the_only = config.provider_selection.cool_the_only
        self._http = http
        self._secrets = secrets
        self.standing = standing
        self._clients: dict[tuple[str, str], Provider] = {}
        self._pools: dict[str, KeyPool] = {}
        self._made: dict[tuple[str, str, str], Deployment] = {}
        self._kinds = frozenset(registry.names("providers"))

    def kind(self, name: str) -> str:
        """Return the type of a provider: its name, unless it says otherwise."""
        settings = self.settings.get(name)
        return (settings.type if settings is not None else "") or name

    def usable(self, name: str) -> bool:
        """Tell whether a provider is there, enabled, of a kind that somebody implements, and not off."""
        settings = self.settings.get(name)
        if settings is None or not settings.enabled or isinstance(settings, UnreadProvider):
            return False
        return (settings.type or name) in self._kinds and not self.standing.is_off(name)

    def nobody(self) -> NotFound:
        """Return the failure that says why there is no usable provider, and which one comes back how."""
        off = [name for name, each in self.settings.items() if each.enabled and self.standing.is_off(name)]
        disabled = [name for name, each in self.settings.items() if not each.enabled]
        if off:
            what = f"no provider is enabled: {_few(off)} {_was(off)} switched off"
            return NotFound(what, hint=f"mindbot provider enable {off[0]}")
        if disabled:
            what = f"no provider is enabled: the configuration disables {_few(disabled)}"
            return NotFound(what, hint=f"set providers.{disabled[0]}.enabled: true and reload")
        if self.settings:
            return NotFound(
                f"no provider can be built: {_few(list(self.settings))}", hint="mindbot config check says why"
            )
        return NotFound("no provider is configured", hint="add one under providers:")

    def pool(self, name: str) -> KeyPool:
        """Return a provider's keys."""
        if (found := self._pools.get(name)) is None:
            settings = self.settings.get(name)
            keys = (PoolKey(""),) if settings is None else keys_of(settings)
            standing = self.standing
            found = self._pools[name] = KeyPool(name, keys, standing.breakers, standing.clock)
        return found

    def of(self, name: str, model: str) -> list[Deployment]:
        """Return a provider's deployments of a model, one for each key, by turns."""
        return [self._deployment(name, key, model) for key in self.pool(name).line()]

    def _deployment(self, name: str, key: PoolKey, model: str) -> Deployment:
        if (found := self._made.get((name, key.label, model))) is None:
            if len(self._made) >= _KEPT:
                self._made.clear()
            found = self._made[name, key.label, model] = Deployment(name, key, model)
        return found

    def client(self, name: str, key: PoolKey) -> Provider:
        """Return the client of a provider's key, made at its first use.

        Raises:
            NotFound: none has that name, or it is disabled or off.
            ConfigError: nobody implements its kind, or its settings are unusable.
        """
        if (made := self._clients.get((name, key.label))) is None:
            settings = self._enabled(name)
            kind = settings.type or name
            if kind not in self._kinds:
                raise ConfigError(f"providers.{name}: not available yet: {kind}")
            # The limits hold for all keys together, and are kept by whoever asks.
            one = {"api_key": key.secret, "api_keys": (), "concurrency": 0, "rate_limit": None}
            fitted = settings.model_copy(update=one)
            made = registry.load("providers", kind).build(name, fitted, self._http, self._secrets)
            self._clients[name, key.label] = made
        elif self.standing.is_off(name):
            self._enabled(name)
        return made

    async def aclose(self) -> None:
        """Close the clients that have something to close; one that fails at it costs no other."""
        clients, self._clients = self._clients, {}
        with anyio.CancelScope(shield=True):
            for (name, _), client in clients.items():
                if isinstance(client, Closes):
                    try:
                        await client.aclose()
                    except Exception as error:  # noqa: BLE001 - of packages nobody here knows
                        _log.warning("a provider's client does not close", provider=name, error=repr(error))

    def _enabled(self, name: str) -> ProviderSettings:
        settings = self.settings.get(name)
        if settings is None or not settings.enabled or self.standing.is_off(name):
            raise self.unusable(name)
        return settings

    def unusable(self, name: str) -> NotFound:
        """Return the failure that says why one that is not `usable` may not be asked."""
        settings = self.settings.get(name)
        if settings is not None and settings.enabled and self.standing.is_off(name):
            return NotFound(f"the provider {name!r} was switched off", hint=f"mindbot provider enable {name}")
        why = "is configured" if settings is None else "is enabled"
        usable = ", ".join(filter(self.usable, self.settings)) or "none"
        return NotFound(f"no provider named {name!r} {why}", hint=f"usable: {usable}")

    # --- whether one may be asked now

    def free(self, deployment: Deployment) -> bool:
        """Tell whether one could be asked now."""
        return all(circuit.free for circuit in self._circuits(deployment))

    def waits(self, deployment: Deployment) -> float:
        """Return the seconds until one may be asked, if it is proved by then."""
        return max((circuit.waits for circuit in self._circuits(deployment)), default=0.0)

    def admit(self, deployment: Deployment, *, spared: Set[CoolReason]) -> Ticket | None:
        """Take leave to ask; None while it is left alone for a reason that is not ``spared``."""
        breakers = self.standing.breakers
        keys = deployment.circuits
        circuits = [breakers.of(key) for key in keys]
        if circuits[0].reason is None and circuits[1].reason is None:  # as nearly always
            return Ticket(self.standing, keys, circuits, _CALLS)
        for key, circuit in zip(keys, circuits, strict=True):
            if circuit.reason in spared:
                circuit.close()
                breakers.changed.add(key)
        if not all(circuit.free for circuit in circuits):
            return None
        admissions = [admission for circuit in circuits if (admission := circuit.admit()) is not None]
        return Ticket(self.standing, keys, circuits, admissions)

    def spared(self, line: Sequence[Deployment]) -> frozenset[CoolReason]:
        """Return for what nobody of a line is left alone, as nobody could replace it.

        That is failing where all are of one server, which its other keys do not mend; and a rate where there
        is one only.
        """
        if self._cool_the_only or len({each.provider for each in line}) != 1:
            return frozenset()
        return frozenset({"failures", "rate"} if len(line) == 1 else {"failures"})

    def left_alone(self, deployment: Deployment) -> VendorError:
        """Return the failure that says why one is not asked now."""
        return self.pool(deployment.provider).left_alone(deployment.key, deployment.circuits[1].model)

    def _circuits(self, deployment: Deployment) -> list[Circuit]:
        look = self.standing.breakers.look
        return [found for key in deployment.circuits if (found := look(key)) is not None]


def _few(names: Sequence[str]) -> str:
    """Return names as a sentence takes them: the first ones, and how many more there are."""
    more = len(names) - _NAMED
    return f"{', '.join(names[:_NAMED])} and {more} more" if more > 0 else ", ".join(names)


def _was(names: Sequence[str]) -> str:
    return "was" if len(names) == 1 else "were"
