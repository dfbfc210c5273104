"""Lines that others can cause are told once a minute, with their number; none is lost count of."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from mindbot.telemetry.repeats import MOST, RepeatedEvents
from mindbot.testing.waiting import PATIENCE


class Heard:
    """A logger that keeps what it is told, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.time = 1000.0

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append({"event": event, **fields})

    def now(self) -> float:
        return self.time


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_the_first_is_told_at_once_and_the_flood_as_its_number(heard: Heard) -> None:
    refused = RepeatedEvents(heard, "refused", now=heard.now)
    for n in range(500):
        refused.tell("wecom", n=n)
    assert heard.lines == [{"event": "refused", "n": 0}]
    heard.time += 60
    refused.tell("wecom", n=500)
    assert heard.lines[1:] == [{"event": "refused", "n": 499, "repeated": 499, "seconds": 60}]


def test_kinds_are_told_apart_and_a_quiet_one_is_new_again(heard: Heard) -> None:
    refused = RepeatedEvents(heard, "refused", now=heard.now)
    refused.tell("a", why=1)
    refused.tell("b", why=2)
    heard.time += 61
    refused.tell("a", why=3)
    assert [line["why"] for line in heard.lines] == [1, 2, 3]
    assert not any("repeated" in line for line in heard.lines)


def test_a_number_of_kinds_costs_neither_memory_nor_lines(heard: Heard) -> None:
    refused = RepeatedEvents(heard, "refused", now=heard.now)
    for n in range(MOST * 5):
        refused.tell(n)
    assert len(heard.lines) == MOST + 1
    refused.flush()
    assert sum(line.get("repeated", 1) for line in heard.lines) == MOST * 5


@pytest.mark.anyio
async def test_the_end_of_a_flood_is_told_though_nothing_more_comes(heard: Heard) -> None:
    refused = RepeatedEvents(heard, "refused", every=0.02)
    for _ in range(10):
        refused.tell("a")
    with anyio.fail_after(PATIENCE):
        while len(heard.lines) < 2:
            await anyio.sleep(0.01)
    assert heard.lines[1]["repeated"] == 9
