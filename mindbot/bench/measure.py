"""What all benchmarks share: medians, runs in fresh processes, a table with the floor beside each figure."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Figures = dict[str, float]


@dataclass(slots=True)
class Result:
    """One benchmark's outcome: figures, their floor from the same run, and the goals set for them."""

    name: str
    figures: Figures
    floor: Figures = field(default_factory=dict)
    goals: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "figures": _rounded(self.figures),
            "floor": _rounded(self.floor),
            "goals": self.goals,
            "note": self.note,
        }

    def table(self) -> str:
        """Return the figures for people, one a line."""
        lines = [self.name + (f" ({self.note})" if self.note else "")]
        for key, value in self.figures.items():
            line = f"  {key:<24}{_short(value):>12}"
            if key in self.floor:
                line += f"   floor {_short(self.floor[key]):>10}"
            if key in self.goals:
                line += f"   goal {self.goals[key]}"
            lines.append(line)
        return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _rounded(figures: Figures) -> Figures:
    return {key: round(value, 4) for key, value in figures.items()}


def medians(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def interleaved(count: int, *kinds: Callable[[], Figures]) -> list[Figures]:
    """Run each kind in turn, ``count`` times, and return each kind's medians."""
    runs: list[list[Figures]] = [[] for _ in kinds]
    for _ in range(count):
        for mine, kind in zip(runs, kinds, strict=True):
            mine.append(kind())
    return [medians(mine) for mine in runs]


def module(name: str, *args: object, timeout: float = 300) -> Figures:
    """Run ``python -m name args`` in a fresh process and return the JSON object it prints last."""
    command = [sys.executable, "-m", name, *map(str, args)]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=timeout, check=True)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures
