"""Faults on demand: a small grammar, and a seeded decision for each request.

A spec reads ``[NAME/]KIND[:OPTION…][@PATH]``:

- ``NAME/`` limits it to one simulator, ``@PATH`` to requests whose path contains ``PATH``.
- ``KIND`` is a word (``drop``), an HTTP status (``429``) or a platform's error code (``45009``, ``-1``).
- an ``OPTION`` is a rate (``0.1``), a duration (``2s``, ``500ms``) or ``key=value``. Every kind knows ``n``
  (strike at most so often), ``after`` (let so many matching requests pass first) and ``every`` (strike only
  each n-th); kinds that break a stream count ``after`` in chunks of that stream instead.

The decision for the k-th matching request depends on the seed, the spec and k alone, so a run repeats.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mindbot.domain.errors import ConfigError

_STATUS = re.compile(r"[1-5]\d\d")
_ERRCODE = re.compile(r"-\d+|\d{4,}")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_COMMON = frozenset({"n", "after", "every"})


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What a fault kind accepts.

    ``chunks``: its ``after`` counts stream chunks, not requests. ``once``: it strikes a single time unless
    the spec says how often (``n``, ``every`` or a rate).
    """

    options: frozenset[str] = frozenset()
    takes_duration: bool = False
    chunks: bool = False
    once: bool = False


def kind(*options: str, takes_duration: bool = False, chunks: bool = False, once: bool = False) -> FaultKind:
    """Return a kind that knows these options besides the common ones."""
    return FaultKind(frozenset(options), takes_duration, chunks, once)


#: Understood by every simulator, decided when a request arrives.
REQUEST_KINDS: Mapping[str, FaultKind] = {
    "drop": kind(),  # the connection is reset, nothing was done
    "lost-answer": kind(),  # the request is carried out, then the connection is reset
    "hang": kind(),  # no answer until the client goes away
    "slow": kind(takes_duration=True),
    "garbage": kind(),  # 200 with bytes that are no JSON
    "status": kind("retry-after", "retry-after-ms", "retry-after-date", "code", "body"),
}


@dataclass(slots=True)
class Fault:
    """One parsed spec and how often it was asked and struck. ``seconds`` is its duration."""

    spec: str
    kind: str
    simulator: str = ""
    path: str = ""
    rate: float = 1.0
    limit: int | None = None
    after: int = 0
    every: int = 1
    seconds: float = 0.0
    number: int = 0  # the HTTP status or error code
    options: dict[str, str] = field(default_factory=dict)
    seen: int = 0
    struck: int = 0
    _random: random.Random = field(default_factory=random.Random, repr=False)

    def reseed(self, seed: str) -> None:
        """Start over with this seed."""
        self._random = random.Random(seed)
        self.seen = self.struck = 0

    def strikes(self, path: str) -> bool:
        """Decide for one more request to ``path``."""
        if self.path not in path:
            return False
        self.seen += 1
        # Drawn for every matching request, so that the k-th decision is the same in every run.
        drawn = self._random.random() < self.rate
        if self.seen <= self.after or (self.seen - self.after) % self.every:
            return False
        if not drawn or (self.limit is not None and self.struck >= self.limit):
            return False
        self.struck += 1
        return True

    def count(self, option: str, default: int) -> int:
        """Return a whole-number option."""
        return int(self.options.get(option, default))


def parse(spec: str, kinds: Mapping[str, FaultKind]) -> Fault:
    """Read one spec, given the kinds a simulator knows (``errcode`` among them: it has error codes).

    Raises:
        ConfigError: the spec names no known kind, or an option the kind does not know.
    """
    head, _, path = spec.strip().partition("@")
    simulator, slash, rest = head.partition("/")
    word, *options = (rest if slash else head).split(":")
    fault = Fault(spec, word, simulator if slash else "", path)
    if word in kinds:
        pass  # a number that a simulator knows by name
    elif _STATUS.fullmatch(word):
        fault.kind, fault.number = "status", int(word)
    elif _ERRCODE.fullmatch(word):
        fault.kind, fault.number = "errcode", int(word)
    known = kinds.get(fault.kind)
    if known is None or (fault.number == 0 and word in ("status", "errcode")):
        names = sorted(set(kinds) - {"status", "errcode"})
        raise ConfigError(f"no fault is called {word!r}", hint=f"an HTTP status or one of {', '.join(names)}")
    for option in options:
        _read_option(fault, known, option)
    if known.once and fault.limit is None and fault.rate == 1 and fault.every == 1:
        fault.limit = 1
    return fault


def _read_option(fault: Fault, known: FaultKind, option: str) -> None:
    """Read one ``:OPTION``; raises ConfigError."""
    key, equals, value = option.partition("=")
    if equals and key in _COMMON:
        if not value.isdigit() or (key == "every" and value == "0"):
            raise ConfigError(f"{key} is a whole number in fault {fault.spec!r}")
        if key == "n":
            fault.limit = int(value)
        elif key == "every":
            fault.every = int(value)
        elif known.chunks:
            fault.options["after"] = value
        else:
            fault.after = int(value)
    elif equals and key in known.options:
        fault.options[key] = value
    elif not equals and known.takes_duration and (duration := _DURATION.fullmatch(option)):
        fault.seconds = float(duration[1]) * _SECONDS[duration[2]]
    elif not equals and _NUMBER.fullmatch(option) and float(option) <= 1:
        fault.rate = float(option)
    else:
        accepts = ["a rate from 0 to 1", *(["a duration such as 2s"] if known.takes_duration else [])]
        accepts += [f"{name}=" for name in sorted(_COMMON | known.options)]
        raise ConfigError(f"fault {fault.spec!r} does not take {option!r}", hint=", ".join(accepts))


class Faults:
    """The faults of one simulator. Empty (the usual case) it costs its callers one truth test."""

    def __init__(self, simulator: str, kinds: Mapping[str, FaultKind], counters: Counter[str]) -> None:
        self._simulator = simulator
        self._kinds = {**REQUEST_KINDS, **kinds}
        self._counters = counters
        self._faults: list[Fault] = []

    def set(self, specs: Sequence[str], seed: int = 0) -> None:
        """Replace all faults.

        Raises:
            ConfigError: a spec cannot be read; nothing changed.
        """
        mine: list[Fault] = []
        for spec in specs:
            fault = self.parse(spec)
            fault.reseed(f"{seed}:{len(mine)}:{spec}")
            mine.append(fault)
        self._faults = mine

    def parse(self, spec: str) -> Fault:
        """Read one spec; raises ConfigError, also when it is meant for another simulator (``NAME/``)."""
        fault = parse(spec, self._kinds)
        if fault.simulator not in ("", self._simulator):
            raise ConfigError(f"fault {spec!r} is not for {self._simulator}")
        return fault

    def strikes(self, path: str, kinds: Iterable[str]) -> list[Fault]:
        """Ask every fault of these kinds; return those that strike this request, in the order given."""
        struck = [fault for fault in self._faults if fault.kind in kinds and fault.strikes(path)]
        for fault in struck:
            self._counters[f"fault.{fault.number or fault.kind}"] += 1
        return struck

    def strike(self, path: str, kind: str) -> Fault | None:
        """Return the first fault of this kind that strikes, if any."""
        struck = self.strikes(path, (kind,)) if self._faults else []
        return struck[0] if struck else None

    def find(self, kind: str) -> Fault | None:
        """Return the first fault of this kind without asking it to decide."""
        return next((fault for fault in self._faults if fault.kind == kind), None)

    def __bool__(self) -> bool:
        return bool(self._faults)

    def describe(self) -> list[dict[str, object]]:
        """Return the specs with their counts."""
        return [{"spec": f.spec, "seen": f.seen, "struck": f.struck} for f in self._faults]
