"""Ten thousand rules and one message: CPU until it is known which of them it matches.

The rules are of many sorts: users, groups with words, departments with hours and shares, filters, bots with
kinds; and a hundred that are a regular expression alone. The floor asks one regular expression.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from mindbot.bench.measure import Figures, Result
from mindbot.config.workflows import RouteSettings
from mindbot.domain.routing import RouteQuestion
from mindbot.workflows.router.conditions import compiled
from mindbot.workflows.router.facts import Facts
from mindbot.workflows.router.rules import RouteRules

_RULES, _BARE = 10_000, 100  # of which so many are a regular expression alone
_MESSAGES = 300
_THEN = 1_764_500_000.0  # Unix seconds


def bench(rounds: int = 5) -> Result:
    """Return milliseconds of CPU a message: medians of rounds."""
    settings = [RouteSettings.model_validate(entry) for entry in entries()]
    started = time.process_time()
    rules = RouteRules(settings)
    build = time.process_time() - started
    asked = [_question(n) for n in range(_MESSAGES)]
    search = compiled(r"refunds? 1\b|退款1号").search
    figures: Figures = {
        "rules": _RULES,
        "ms_a_message": _median(lambda q: rules.judge(Facts(q), _usable, count=False), asked, rounds),
        "asked_one_by_one": statistics.mean(len(rules.candidates(Facts(q))) for q in asked),
        "build_s": build,
    }
    floor = {"ms_a_message": _median(lambda q: search(q.text.encode()), asked, rounds)}
    return Result("rules", figures, floor, {"ms_a_message": "< 1"})


def entries() -> list[dict[str, Any]]:
    """Return the rules as a configuration has them, in no order."""
    found = [_entry(n) for n in range(_RULES - _BARE)]
    found += [{"text": rf"refunds? {n}\b|退款{n}号", "workflow": "a"} for n in range(_BARE)]
    random.Random(1).shuffle(found)
    return found


def _entry(n: int) -> dict[str, Any]:
    sorts: tuple[dict[str, Any], ...] = (
        {"user": f"u{n}"},
        {"group": f"g{n % 400}", "platform": ("wecom", "dingtalk")[n % 2], "text": f"word{n}|term{n}"},
        {"department": f"d{n % 60}", "time": "09:00-18:00", "timezone": "Asia/Shanghai", "percent": 30},
        {"when": f'user == "w{n}" and text =~ "x{n}"'},
        {"platform": "wecom", "bot": f"b{n % 20}", "kind": "image", "text": f"picture {n}"},
    )
    return {**sorts[n % len(sorts)], "workflow": "a"}


def _question(n: int) -> RouteQuestion:
    text = f"I would like to know whether the order of yesterday was shipped, 谢谢 {n}"
    departments = (f"d{n % 60}",)
    return RouteQuestion(
        text, "wecom", f"b{n % 20}", f"u{n * 7}", f"g{n}", "s", departments=departments, ts=_THEN + n
    )


def _usable(name: str) -> bool:
    return True


def _median(ask: Callable[[RouteQuestion], object], asked: list[RouteQuestion], rounds: int) -> float:
    took = []
    for _ in range(rounds + 1):  # the first warms up
        started = time.process_time()
        for question in asked:
            ask(question)
        took.append((time.process_time() - started) / len(asked) * 1000)
    return statistics.median(took[1:])
