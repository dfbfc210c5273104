"""What goes to the terminal: no frame before the last one is through, and no more bytes than it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot_tui.pace import Pace
from mindbot_tui.thin import Thin


class Drawn:
    """As much of an app as drawing takes."""

    def __init__(self) -> None:
        self.held = 0
        self.refreshed = 0
        self.screen = self

    @contextmanager
    def batch_update(self) -> Iterator[None]:
        self.held += 1
        yield
        self.held -= 1

    def refresh(self) -> None:
        self.refreshed += 1

    def check_idle(self) -> None:
        pass


@pytest.fixture
def drawn() -> Drawn:
    return Drawn()


@pytest.fixture
def pace(drawn: Drawn) -> Pace:
    app: Any = drawn
    return Pace(app)


@pytest.mark.anyio
async def test_the_next_frame_waits_until_the_terminal_has_drawn_the_last(drawn: Drawn, pace: Pace) -> None:
    pace.sent(100)
    assert pace.asks
    assert drawn.held == 1
    pace.answered()
    assert drawn.held == 0
    pace.sent(100)
    pace.written()  # with the kernel, which is not the terminal
    assert pace.holding
    assert drawn.held == 1
    pace.answered()
    assert not pace.holding
    assert drawn.refreshed == 0


@pytest.mark.anyio
async def test_what_could_not_be_drawn_meanwhile_is_drawn_once(drawn: Drawn, pace: Pace) -> None:
    pace.sent(100)
    pace.missed = True
    pace.answered()
    assert drawn.refreshed == 1
    pace.sent(100)
    pace.answered()
    assert drawn.refreshed == 1


@pytest.mark.anyio
async def test_each_question_has_its_answer(drawn: Drawn, pace: Pace) -> None:
    pace.sent(100)
    pace.sent(100)
    pace.answered()
    assert pace.holding
    pace.answered()
    assert drawn.held == 0
    pace.answered()  # of an answer too many nothing follows
    assert drawn.held == 0


@pytest.mark.anyio
async def test_a_terminal_that_answers_nothing_is_drawn_on_as_fast_as_it_takes_it(
    drawn: Drawn, pace: Pace
) -> None:
    for _ in range(3):
        pace.sent(100)
        pace.written()
        assert drawn.held == 0
    pace.sent(5000)
    await anyio.sleep(0.15)  # the kernel's buffer is full for so long
    pace.written()
    assert drawn.held == 1, "what it has taken is not through yet"
    while pace.holding:
        await anyio.sleep(0.01)
    assert drawn.held == 0


# --- bytes

_PIECE = re.compile(r"\x1b\[([\d;]*)m|\x1b\[\d+;\d+H|([^\x1b]+)")


def seen(data: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return each character with the style a terminal gives it."""
    style: dict[str, str] = {}
    out = []
    for found in _PIECE.finditer(data):
        if found[2]:
            out += [(c, tuple(sorted(style.values()))) for c in found[2]]
        elif found[1] is not None:
            numbers = found[1].split(";")
            while numbers:
                number = numbers.pop(0)
                if number in ("", "0"):
                    style = {}
                elif number in ("38", "48"):
                    size = {"2": 4, "5": 2}[numbers[0]]
                    style[number] = ";".join([number, *numbers[:size]])
                    del numbers[:size]
                else:
                    ground = {"3": "38", "4": "48"}.get(number[0], "") if len(number) == 2 else ""
                    style[ground or number] = number
    return out


_COLOUR = st.sampled_from(["38;2;1;2;3", "38;2;9;9;9", "38;5;17", "31", "48;2;4;5;6", "48;5;3", "44"])
_STYLES = st.lists(st.sampled_from(["1", "2", "7"]) | _COLOUR, max_size=4, unique_by=lambda s: s[:2]).map(
    ";".join
)
_TEXTS = st.sampled_from(["a", "中", "  b", "xyz"])
_MOVES = st.sampled_from(["", "", "\x1b[3;1H", "\x1b[4;2H\x1b[9;9H"])


@given(st.lists(st.tuples(_STYLES, _TEXTS, _MOVES), max_size=12), st.integers(0, 3))
def test_a_thin_frame_looks_like_the_whole_one(pieces: list[tuple[str, str, str]], cut: int) -> None:
    whole = [(f"\x1b[{style}m{text}\x1b[0m" if style else text) + move for style, text, move in pieces]
    thin = Thin()
    written = thin("".join(whole[:cut])) + thin("".join(whole[cut:]))
    assert seen(written) == seen("".join(whole))
    assert len(written) <= len("".join(whole)) + 2 * len(pieces)


def test_a_line_of_one_ground_says_it_once() -> None:
    ground = "48;2;17;20;27"
    whole = f"\x1b[38;2;1;1;1;{ground}mtime\x1b[0m\x1b[38;2;2;2;2;{ground}mtext\x1b[0m"
    assert Thin()(whole) == f"\x1b[38;2;1;1;1;{ground}mtime\x1b[38;2;2;2;2mtext\x1b[0m"
