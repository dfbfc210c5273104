"""From evidence to confidence: fitted numbers by how texts are compared, and by language.

The numbers are in calibration.json beside this file, made by ``python -m mindbot.workflows.router.fit`` from
the examples that come with MindBot (each compared with all others) and labelled utterances.

A workflow's weight is a sum of what speaks for it; confidence is its share among the likeliest ones and
*out of scope* (a softmax), so that it says how often such a choice is right.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypedDict, cast

#: Ways of comparing: with an embedder's vectors (and hashed pieces), with hashed pieces, by patterns alone.
Way = Literal["full", "hashed", "patterns"]
#: So many workflows share the confidence with *out of scope*; the others have none to speak of.
SHARERS = 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a workflow (or for *out of scope*): hashed and vectors' likeness, patterns."""

    best: float = 0.0
    mean: float = 0.0
    near: float = 0.0
    about: float = 0.0
    pattern: float = 0.0

    def row(self) -> tuple[float, ...]:
        return (self.best, self.mean, self.near, self.about, self.pattern)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The numbers of one way and language. ``weights`` are of `Evidence.row`, ``none`` is what *out of scope*
    has beforehand, ``typical`` the evidence of an ordinary good match, and ``threshold`` the least confidence
    with which one is chosen."""

    weights: tuple[float, ...]
    none: float
    threshold: float
    typical: tuple[float, ...]

    def ordinary(self, pattern: float) -> Evidence:
        """Return the evidence of an ordinary good match, with so much of a pattern."""
        best, mean, near, about, _ = self.typical
        return Evidence(best, mean, near, about, pattern)

    def weight(self, evidence: Evidence, *, none: bool = False) -> float:
        """Return what a workflow weighs, or *out of scope*."""
        best, mean, near, about, pattern = self.weights
        told = best * evidence.best + mean * evidence.mean + near * evidence.near
        return told + about * evidence.about + pattern * evidence.pattern + self.none * none


def shares(weights: Mapping[str, float], none: float) -> tuple[dict[str, float], float]:
    """Return the confidence of each workflow, and that of *out of scope*; what is shared adds up to 1."""
    likely = sorted(weights.values(), reverse=True)[:SHARERS]
    top = max([none, *likely])
    whole = math.exp(none - top) + sum(math.exp(each - top) for each in likely)
    return {name: math.exp(each - top) / whole for name, each in weights.items()}, math.exp(
        none - top
    ) / whole


class _Numbers(TypedDict):
    weights: list[float]
    none: float
    threshold: float
    typical: list[float]


@cache
def calibration(way: Way, language: str) -> Calibration:
    """Return the numbers for a way of comparing and a language (zh; anything else is taken as en)."""
    numbers = _numbers()[way]["zh" if language == "zh" else "en"]
    return Calibration(
        tuple(numbers["weights"]), numbers["none"], numbers["threshold"], tuple(numbers["typical"])
    )


@cache
def _numbers() -> dict[str, dict[str, _Numbers]]:
    text = files(__package__).joinpath("calibration.json").read_text("utf-8")
    return cast(dict[str, dict[str, _Numbers]], json.loads(text))
