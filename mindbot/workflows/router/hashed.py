"""Texts compared without a model: hashed words and n-grams, weighted by how rare they are in the examples.

Words, pairs of words and pieces of words for what is written with spaces; single characters, pairs and
triples for Chinese. The same text has the same places in each process: the hash is CRC-32. Pure Python on
purpose: an index over the examples touches only those that share a piece with the text.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from zlib import crc32

from mindbot.workflows.router.texts import gist

#: How many places pieces are hashed to.
PLACES = 1 << 16
_TOKENS = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+|[^\s\w]")
_ENDINGS = ("ings", "ing", "ies", "ied", "ers", "es", "ed", "er", "ly", "s")
#: What each kind of piece weighs.
WORD, PAIR, PIECE, SIGN, HAN1, HAN2, HAN3 = 1.0, 0.7, 0.35, 0.2, 0.45, 1.0, 0.7


@lru_cache(maxsize=4096)
def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _is_han(token: str) -> bool:
    return token[0] > "\u2fff"


@lru_cache(maxsize=2048)
def _inside(token: str) -> tuple[tuple[int, float], ...]:
    """Return the places of the pieces inside one token, and what each weighs."""
    if _is_han(token):
        found = [(f"1{c}", HAN1) for c in token]
        found += [(f"2{token[i : i + 2]}", HAN2) for i in range(len(token) - 1)]
        found += [(f"3{token[i : i + 3]}", HAN3) for i in range(len(token) - 2)]
    elif token.isdigit():
        found = [("w#", WORD / 2)]
    elif not token[0].isalpha():
        found = [(f"s{token}", SIGN)]
    else:
        found = [(f"w{_stem(token)}", WORD)]
        if len(token) > 3:
            rim = f"^{token}$"
            found += [(f"p{rim[i : i + 4]}", PIECE) for i in range(len(rim) - 3)]
    return tuple((_place(piece), weight) for piece, weight in found)


def _place(piece: str) -> int:
    return crc32(piece.encode()) % PLACES


def places(text: str) -> dict[int, float]:
    """Return the places of a text's pieces, with what they weigh before it is known how rare they are."""
    counts: Counter[int] = Counter()
    weights: dict[int, float] = {}
    before = "^"
    for token in _TOKENS.findall(gist(text)):
        for place, weight in _inside(token):
            counts[place] += 1
            weights[place] = weight
        word = "#" if token.isdigit() else token[-2:] if _is_han(token) else _stem(token)
        pair = _place(f"b{before} {word}")
        counts[pair] += 1
        weights[pair] = PAIR
        before = word
    return {place: weights[place] * math.sqrt(count) for place, count in counts.items()}


class HashedIndex:
    """How like a text is to each of the examples."""

    def __init__(self, examples: Sequence[str]) -> None:
        rows = [places(text) for text in examples]
        seen = Counter(place for row in rows for place in row)
        self._size = len(rows)
        self._rare = array("d", [math.log((self._size + 1) / 0.5)]) * PLACES
        for place, n in seen.items():
            self._rare[place] = math.log((self._size + 1) / (n + 0.5))
        # Which examples have a piece at a place, one place after the other, in plain arrays: as objects they
        # were ten times as large. ``_from`` is where a place begins.
        counts = (seen[place] for place in range(PLACES))
        self._from = array("L", accumulate(counts, initial=0))
        self._who = array("L", bytes(8 * self._from[-1]))
        self._weight = array("d", bytes(8 * self._from[-1]))
        free = self._from[:]
        for number, row in enumerate(rows):
            for place, weight in self._weighed(row):
                at = free[place]
                self._who[at], self._weight[at] = number, weight
                free[place] = at + 1

    def _weighed(self, row: dict[int, float]) -> list[tuple[int, float]]:
        """Return a text's places with weights whose squares add up to 1."""
        rare = self._rare
        weighed = [(place, weight * rare[place]) for place, weight in row.items()]
        length = math.sqrt(sum(weight * weight for _, weight in weighed)) or 1.0
        return [(place, weight / length) for place, weight in weighed]

    def similarities(self, text: str) -> list[float]:
        """Return 0 (nothing shared) to 1 (the same pieces) for each example, in their order."""
        found = [0.0] * self._size
        begins, who, weights = self._from, self._who, self._weight
        for place, weight in self._weighed(places(text)):
            first, end = begins[place], begins[place + 1]
            for number, there in zip(who[first:end], weights[first:end], strict=True):
                found[number] += weight * there
        return found
