"""What strangers write fills a small console, and drives, hides and turns around nothing on it."""

from __future__ import annotations

import unicodedata

import pytest
from console_driver import console
from console_fakes import FakeClock
from console_sample import filled, record, turn_view

pytestmark = [pytest.mark.anyio, pytest.mark.full]

#: Sequences for terminals, what has no picture or no width, markup of the console's own toolkit, and size.
KINDS = [
    *("\x1b]0;title\x07", "\x1b[2J\x1b[H", "\x1b]52;c;eA==\x07", "\x1b]8;;x/\x07y\x1b]8;;\x07"),
    *("\x1bPq#0\x1b\\", "\x9b2J", "\x9d0;t\x9c", "a\rb", "a\nb", "a\b\b\b", "a\0b", "\x7f\x7f"),
    *(
        "\x0e\x0f",
        "\x1bc",
        "\x1b[?1049h",
        "\v\f",
        "\x85",
        "\u2028\u2029",
        "\u202eright to left",
        "\u2066\u2069",
    ),
    *(
        "[bold]x[/bold]",
        "[@click=app.quit]x[/]",
        "[link=file:///x]y[/link]",
        "[/]",
        "[/none]",
        "\\[",
        "[",
        "]",
    ),
    *("{0!r}%s%n", "$(id)`id`", "e" + "\u0301" * 400, "👨\u200d👩\u200d👧\u200d👦" * 60, "\ufdfd" * 20),
    *("\u200b" * 80, "\t" * 40, "A" * 20_000, "界" * 5_000, "\ufffd", "", " ", "\u3000", "\U000e0041" * 30),
    *("=cmd|'x'!A0", "🏴\U000e0067", "1️⃣" * 50, "a\u0300" * 200, "\u200e\u200f"),
]
ROWS = [KINDS[n % len(KINDS)] for n in range(97)]


def deceives(text: str) -> list[str]:
    hidden = ("Cc", "Cs", "Zl", "Zp")
    marks = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    return [c for c in text if c != "\n" and (unicodedata.category(c) in hidden or c in marks)]


@pytest.mark.full
async def test_a_small_screen_is_whole_after_97_hostile_rows(clock: FakeClock) -> None:
    daemon = filled()
    records = [
        record(n, "dingtalk", each[:40] or "u", each, reply=each, reason=each, user_name=each[:60], took=1.0)
        for n, each in enumerate(ROWS)
    ]
    daemon.answers["GET /v1/turns"] = [{**r, "took_ms": 1000.0} for r in reversed(records)]
    for found, each in zip(records, ROWS, strict=True):
        view = turn_view(0) | {"id": found["id"], "text": each, "reply": each, "reason": each, "user": each}
        daemon.answers[f"GET /v1/turns/{found['id']}"] = view
        daemon.answers[f"GET /v1/turns/{found['id']}/spans"] = view["spans"]
    async with console(daemon, clock=clock, size=(80, 24)) as person:
        await person.sees("97")
        for n, each in enumerate(KINDS):
            daemon.turn(record(200 + n, "wecom", each[:40] or "u", each, reply=each, took=0.1))
        await person.press("home")
        for n in range(0, len(KINDS), 8):
            await person.press("enter")
            screen = person.screen
            assert not deceives(screen), (n, screen)
            assert len(screen.split("\n")) == 24
            await person.press("escape", *["down"] * 8)
        await person.sees("wecom")
        assert person.app.is_running and not deceives(person.screen)


async def test_what_is_said_and_asked_in_passing_drives_no_terminal(clock: FakeClock) -> None:
    hostile = "".join(each for each in KINDS if len(each) < 40)
    async with console(filled(), clock=clock, size=(150, 48)) as person:
        await person.sees("Where is my order")
        person.app.say(f"toast {hostile}", "bad")
        await person.sees("toast ")
        assert not deceives(person.screen)
        person.app.run_worker(person.app.confirm(f"question {hostile}"))
        await person.sees("question ", "No (n)")
        assert not deceives(person.screen)
