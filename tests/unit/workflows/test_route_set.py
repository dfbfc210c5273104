"""The labelled utterances: what they must hold to prove anything."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

DATA = Path(__file__).parents[2] / "data" / "routes"
NAMES = (
    "general_chat",
    "code_analysis",
    "document_processing",
    "data_analysis",
    "creative_writing",
    "research",
)


def rows(half: str) -> list[dict[str, str | None]]:
    """Return one half of the set."""
    return [json.loads(line) for line in (DATA / f"{half}.jsonl").read_text("utf-8").splitlines()]


def test_the_set_is_large_and_of_both_languages() -> None:
    lines = rows("tune") + rows("held")
    assert len({line["text"] for line in lines}) == len(lines)
    inside = [line for line in lines if line["workflow"]]
    assert len(inside) >= 300
    assert len(lines) - len(inside) >= 60
    assert {line["workflow"] for line in inside} == set(NAMES)
    chinese = Counter(any("\u4e00" <= c <= "\u9fff" for c in line["text"] or "") for line in lines)
    assert chinese[True] == chinese[False]


def test_a_hash_says_which_half_a_text_is_in() -> None:
    for half, odd in (("tune", 0), ("held", 1)):
        for line in rows(half):
            assert hashlib.sha256((line["text"] or "").encode()).digest()[0] & 1 == odd, line
