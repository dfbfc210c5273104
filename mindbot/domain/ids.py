"""Turn ids: 63-bit integers that sort by time, shown as thirteen Crockford base-32 characters."""

from __future__ import annotations

import itertools
import os
import re
import time

LAST = (1 << 63) - 1  # the highest id there can be
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_PLACE = re.compile(r"-?[0-9]{1,9}")  # what no store takes is nobody's place
_SHORTEST = 4  # signs that may stand for a whole id where only one begins so
_LENGTH = 13  # signs
_VALUE = {c: i for i, c in enumerate(_ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_EPOCH_MS = 1_735_689_600_000  # 2025-01-01: 41 bits of milliseconds last until 2094
WORKERS = 1 << 10  # numbers of workers: each process that makes ids has one
_worker = int.from_bytes(os.urandom(2), "big") % WORKERS
_sequence = itertools.count()
_last_ms = 0


def new_id() -> int:
    """Return an id: 41 bits of milliseconds, 12 of sequence, 10 of worker. Later calls sort later."""
    global _last_ms
    n = next(_sequence) & 0xFFF
    now = time.time_ns() // 1_000_000 - _EPOCH_MS
    # A sequence that wraps inside one millisecond, or a clock set back, moves our own clock forward.
    _last_ms = max(now, _last_ms + (n == 0))
    return (_last_ms << 22) | (n << 10) | _worker


def follow(number: int) -> None:
    """See that later ids sort behind this one, also when the clock was set back since it was made."""
    global _last_ms
    _last_ms = max(_last_ms, (number >> 22) + 1)


def work_as(worker: int) -> None:
    """Make ids from now on under a number that no other process has which makes some for the same store.

    The store gives it when it is opened; until then it is left to chance, and nothing is stored.

    Raises:
        ValueError: there is no such number.
    """
    global _worker
    if not 0 <= worker < WORKERS:
        raise ValueError(f"no worker has the number {worker} (0 to {WORKERS - 1})")
    _worker = worker


def show(number: int) -> str:
    """Return the public form of an id, e.g. ``01KFZ3N8WQ2AC``."""
    pair = _PAIRS
    return (
        f"{_ALPHABET[number >> 60]}{pair[number >> 50 & 1023]}{pair[number >> 40 & 1023]}"
        f"{pair[number >> 30 & 1023]}{pair[number >> 20 & 1023]}{pair[number >> 10 & 1023]}"
        f"{pair[number & 1023]}"
    )


def parse(text: str) -> int:
    """Read the public form back.

    Raises:
        ValueError: the text is not an id.
    """
    text = text.strip().upper()
    if len(text) != _LENGTH:
        raise ValueError(f"not a turn id: {text!r} (thirteen letters and digits)")
    number = 0
    for c in text:
        if c not in _VALUE:
            raise ValueError(f"not a turn id: {text!r} ({c!r} is not a base-32 digit)")
        number = (number << 5) | _VALUE[c]
    if number >> 63:
        raise ValueError(f"not a turn id: {text!r} (out of range)")
    return number


def is_whole(text: str) -> bool:
    """Tell whether a text is as long as an id, or longer: then it is no beginning of one."""
    return len(text.strip()) >= _LENGTH


def between(start: str) -> tuple[int, int]:
    """Return the lowest and the highest id whose public form begins like this.

    Raises:
        ValueError: no id does, or it is too short to say anything.
    """
    start = start.strip()
    if foreign := next((c for c in start if c.upper() not in _VALUE), ""):
        raise ValueError(f"{foreign!r} is in no id")
    if len(start) < _SHORTEST:
        raise ValueError(f"at least {_SHORTEST} signs of an id are needed")
    return parse(start.ljust(_LENGTH, _ALPHABET[0])), parse(start.ljust(_LENGTH, _ALPHABET[-1]))


def parse_delivery(text: str) -> tuple[int, int]:
    """Read the id of a delivery back, ``TURN-N``: its turn and its place in it.

    Raises:
        ValueError: the text is no such id.
    """
    turn, dash, n = text.partition("-")
    if not dash or not _PLACE.fullmatch(n):
        raise ValueError(f"not the id of a delivery: {text!r} (TURN-N)")
    return parse(turn), int(n)


def letter_place(text: str) -> tuple[int, int]:
    """Return what sorts dead letters by their ids: turns, and deliveries behind the turn they are of.

    Raises:
        ValueError: the text is neither the id of a turn nor of a delivery.
    """
    return parse_delivery(text) if "-" in text else (parse(text), -1_000_000_000)


def moment(number: int) -> float:
    """Return when an id was made (Unix seconds)."""
    return ((number >> 22) + _EPOCH_MS) / 1000


def at(ts: float) -> int:
    """Return the smallest id a moment (Unix seconds) could have: ids below it are older."""
    return max(0, int(ts * 1000) - _EPOCH_MS) << 22
