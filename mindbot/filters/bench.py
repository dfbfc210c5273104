"""How many records a second a filter judges, beside a bare dictionary look-up as the floor."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from mindbot.filters.language import parse

#: Three terms, all of them true of the record, so that every term is asked.
FILTERS = {
    "words": 'platform == "dingtalk" and text =~ "refund|退款" and took > 5s',
    "pattern": 'platform == "dingtalk" and text =~ "refund.*order [0-9]+" and took > 5s',
    "search": 'platform == "dingtalk" and refund and took > 5s',
}
RECORD: dict[str, object] = {
    "id": "01KFZ3N8WQ2AC",
    "platform": "dingtalk",
    "bot": "default",
    "session": "dingtalk:default:cid8",
    "user": "alice",
    "text": "Hello, I would like a refund for my order 4711, please. 谢谢",
    "state": "answered",
    "took": 7.25,
}


def bench(evaluations: int = 200_000, rounds: int = 5) -> dict[str, float]:
    """Return evaluations a second of CPU for each filter, and of the floor: medians of interleaved rounds."""
    subjects: dict[str, Callable[[object], object]] = {
        "floor": lambda record: record.get("platform"),  # type: ignore[attr-defined]
        **{name: parse(text).compile() for name, text in FILTERS.items()},
    }
    took: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, judge in subjects.items():
            began = time.process_time()
            for _ in range(evaluations):
                judge(RECORD)
            took[name].append(time.process_time() - began)
    return {name: evaluations / median(times) for name, times in took.items()}
