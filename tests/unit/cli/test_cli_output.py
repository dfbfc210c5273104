"""Tables and trees as people see them."""

from __future__ import annotations

import time

import pytest

from mindbot.api.models import SpanView, TurnView
from mindbot.cli.output import Column, clock, cut, duration, milliseconds, plain, print_table, table, width
from mindbot.cli.tree import tree


def test_columns_align_by_width_on_a_terminal() -> None:
    lines = table([["NAME", "N"], ["你好", "1"], ["abc", "100"]], [False, True], 80)
    assert lines == ["NAME    N", "你好    1", "abc   100"]


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("你好", 4), ("e\u0301", 1), ("", 0)])
def test_width_counts_terminal_columns(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("你好吗", 5, "你好…"), ("你好吗", 4, "你…")],
)
def test_long_lines_are_cut_at_the_terminals_edge(text: str, most: int, shown: str) -> None:
    assert cut(text, most) == shown


def test_a_message_cannot_move_the_cursor_or_break_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["a\x1b[2Jb\nc"], [Column("TEXT", str)], "nothing")
    assert capsys.readouterr().out == "TEXT\na [2Jb c\n"


def test_lines_keep_their_ends_and_letters_and_nothing_that_moves_the_cursor() -> None:
    assert plain("a\tb\r\n\x1b]0;title\x07\x9b1mé 👩‍💻") == "a\tb\n\\x1b]0;title\\x07\\x9b1mé 👩‍💻"


WIDE = [
    Column("NAME", lambda row: str(row[0])),
    Column("N", lambda row: str(row[1]), right=True, lesser=1),
    Column("STATE", lambda row: str(row[2])),
    Column("WHY", lambda row: str(row[3]), below=True),
]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")


@pytest.mark.usefixtures("narrow")
def test_a_reason_that_has_no_room_stands_under_its_row_whole(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(
        [("a", 1, "ok", ""), ("b", 2, "off", "why so many words are said 关于它的一切都在这里了")], WIDE, ""
    )
    assert capsys.readouterr().out.splitlines() == [
        "NAME  N  STATE",
        "a     1  ok",
        "b     2  off",
        "    why so many words are said",
        "    关于它的一切都在这里了",
    ]
    print_table([("a", 1, "off", "short")], WIDE, "")
    assert capsys.readouterr().out.splitlines() == ["NAME  N  STATE  WHY", "a     1  off    short"]


@pytest.mark.usefixtures("narrow")
def test_one_long_cell_takes_no_more_than_its_share(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("n" * 500, 1_000_000, "ok", ""), ("b", 2, "off", "x" * 50)], WIDE, "")
    first, long, short, *why = capsys.readouterr().out.splitlines()
    assert first.split() == ["NAME", "STATE"], "the lesser column went"
    assert long.split() == ["n" * 25 + "…", "ok"] and short.split() == ["b", "off"]
    assert [line.strip() for line in why] == ["x" * 35, "x" * 15]


@pytest.mark.usefixtures("narrow")
def test_lesser_columns_go_where_the_last_has_no_room(capsys: pytest.CaptureFixture[str]) -> None:
    shown = [*WIDE[:2], Column("TEXT", lambda row: str(row[3]))]
    print_table([("n" * 20, 1_000_000, "", "a text of some length, and more")], shown, "")
    assert capsys.readouterr().out.splitlines() == [
        "NAME                  TEXT",
        f"{'n' * 20}  a text of some le…",
    ]
    print_table([("n", 7, "", "a text of some length, and yet more of it")], shown, "")
    assert capsys.readouterr().out.splitlines()[0].split() == ["NAME", "N", "TEXT"]


@pytest.mark.usefixtures("narrow")
def test_a_reason_without_end_takes_a_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("b", 2, "off", "word " * 20_000)], WIDE, "")
    _, _, *why = capsys.readouterr().out.splitlines()
    assert len(why) == 4 and why[-1].endswith("…") and all(len(line) <= 40 for line in why)


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([], [Column("TEXT", str)], "no turns yet")
    assert capsys.readouterr().out == "no turns yet\n"


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "…"), (1.25, "1.2 ms"), (9999.0, "9999.0 ms"), (12_345.0, "12.3 s")]
)
def test_durations(value: float | None, shown: str) -> None:
    assert milliseconds(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7200, "2 h 0 min"), (90_000, "1 d 1 h")],
)
def test_long_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_time_of_another_day_shows_its_date() -> None:
    assert clock(0) == "" and len(clock(time.time())) == 8 and clock(86400 * 400.5).startswith("1971-")


def span(id: int, parent: int, name: str, start: float, took: float | None = 1.0, **more: object) -> SpanView:
    return SpanView(id=id, parent=parent, kind="stage", name=name, start=start, took_ms=took, **more)  # type: ignore[arg-type]


def test_spans_become_a_tree_with_aligned_times() -> None:
    turn = TurnView(
        id="01T", state="answered", platform="wecom", bot="b", user="u", received=100.0, took_ms=31.0
    )
    spans = [
        span(1, 0, "deliver", 100.001, 30.0),
        span(2, 1, "run", 100.002, 20.5),
        span(3, 2, "model", 100.003, 19.0, status="memo", data={"model": "m", "usage": {"input": 3}}),
        span(4, 1, "late", 100.025, None, status="error"),
        span(5, 0, "wecom/b", 100.031, 4.0),
    ]
    assert tree(turn, spans, 100) == [
        f"01T  answered in 31.0 ms  wecom/b  u  {clock(100)}",
        "SPAN                     START     TOOK",
        "├─ stage deliver       +1.0 ms  30.0 ms",
        "│  ├─ stage run        +2.0 ms  20.5 ms",
        "│  │  └─ stage model   +3.0 ms  19.0 ms  ↺ memo  model=m",
        "│  └─ stage late      +25.0 ms        …  ✗ error",
        "└─ stage wecom/b      +31.0 ms   4.0 ms",
    ]


def test_an_error_is_said_once_and_whole_where_it_happened() -> None:
    why = "overloaded: the model's servers are too busy to answer this question"
    spans = [
        span(1, 0, "compose", 1.0, status="error", data={"error": why}),
        span(2, 1, "run", 1.0, status="error", data={"error": why}),
        span(3, 2, "chat", 1.0, status="error", data={"error": {"kind": "overloaded", "message": why[12:]}}),
    ]
    drawn = tree(TurnView(id="01T", state="failed", reason=why), spans, 60)
    assert drawn[1:3] == [f"  {why[:56].rpartition(' ')[0]}", f"  {why[:56].rpartition(' ')[2]}{why[56:]}"]
    assert [line.rstrip().endswith("✗ error") for line in drawn[4:6]] == [True, True]
    assert drawn[6].lstrip().startswith("└─ stage chat") and drawn[6].endswith("✗ error")
    assert " ".join(line.strip() for line in drawn[7:]) == why
    wide = tree(TurnView(), spans, 160)
    assert sum(why in line for line in wide) == 1 and len(wide) == 5


def test_a_damaged_record_is_still_shown() -> None:
    spans = [span(1, 1, "own parent", 1.0), span(2, 99, "lost parent", 2.0)]
    assert [line.split("  ")[0] for line in tree(TurnView(), spans, 100)[2:]] == [
        "├─ stage own parent",
        "└─ stage lost parent",
    ]
    deep = [span(n, n - 1, "s", float(n)) for n in range(1, 301)]
    assert len(tree(TurnView(), deep, 100)) == 302
    assert tree(TurnView(id="01T", state="queued"), [])[1] == "no spans were recorded"


def test_what_the_platform_said_later_stands_below_the_turn() -> None:
    turn = TurnView(id="01T", state="answered", notes=[{"recalled": 1.0, "by": "the customer"}])
    assert tree(turn, [])[1] == "  told later: recalled=1.0, by=the customer"
