"""Texts of any size: laid out as far as somebody looks, and searched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mindbot.domain.errors import Invalid
from mindbot_tui.cells import readable, wrap
from mindbot_tui.hits import Hits
from mindbot_tui.laid import Laid
from mindbot_tui.widgets.colours import Coloured, json_colours, plain

TEXTS = st.text(st.sampled_from("ab \n\t\r订单，❤\ufe0f\u0301👍é\x1b\u3000"), max_size=200)
WIDTHS = st.integers(2, 30)


def lines(laid: Laid) -> list[str]:
    return [laid.text[slice(*laid.span(n))] for n in range(len(laid))]


@given(TEXTS, WIDTHS, st.lists(st.integers(0, 300), max_size=5))
def test_a_text_laid_out_by_and_by_is_the_one_that_is_wrapped_at_once(
    text: str, width: int, looks: list[int]
) -> None:
    laid = Laid(text, width)
    for look in looks:
        laid.reach(look)
    laid.finish()
    assert lines(laid) == [
        part for line in readable(text.replace("\r\n", "\n")).split("\n") for part in wrap(line, width)
    ]
    assert laid.height == len(laid)


@given(TEXTS, WIDTHS)
def test_lines_fit_and_hold_all_that_was_written(text: str, width: int) -> None:
    laid = Laid(text, width)
    laid.finish()
    assert "".join(lines(laid)).replace(" ", "") == readable(text.replace("\r\n", "\n")).replace(
        "\n", ""
    ).replace(" ", "")
    for n, line in enumerate(lines(laid)):
        assert len(line) <= 1 or cell_len(line) <= width
        assert laid.line_of(laid.span(n)[0]) == n or line == ""


@given(TEXTS, st.lists(TEXTS, max_size=4), WIDTHS, st.integers(0, 20))
def test_a_text_that_grows_is_laid_out_like_one_that_was_there_at_once(
    text: str, more: list[str], width: int, look: int
) -> None:
    laid = Laid(text, width)
    for each in more:
        laid.reach(look)
        text += each
        if not laid.grown(text):
            laid = Laid(text, width)
    laid.finish()
    at_once = Laid(text, width)
    at_once.finish()
    assert lines(laid) == lines(at_once)


def test_only_what_is_looked_at_is_laid_out() -> None:
    laid = Laid("我的订单什么时候发货？" * 10_000, 80)
    laid.reach(24)
    assert len(laid) == 24
    assert laid.height == pytest.approx(110_000 / 40, rel=0.1)
    assert laid.line_of(60_000) == 1_500
    assert len(laid) < 1_600


@given(TEXTS, st.sampled_from([plain, json_colours]), WIDTHS)
def test_colours_change_no_text(text: str, colour: object, width: int) -> None:
    laid, coloured = Laid(text, width), Coloured(colour)  # type: ignore[arg-type]
    laid.finish()
    for n, line in enumerate(lines(laid)):
        assert "".join(part for part, _ in coloured.pieces(laid.text, *laid.span(n))) == line


def test_a_wrapped_string_of_json_keeps_its_colour() -> None:
    text = '{"name": "' + "word " * 30 + '"}'
    laid, coloured = Laid(text, 20), Coloured(json_colours)
    laid.finish()
    assert {name for _, name in coloured.pieces(laid.text, *laid.span(4))} == {"string"}


def found(words: str, text: str, at: int = 0) -> list[str]:
    hits = Hits(words)
    hits.look(text, at)
    return [text[begin:end] for begin, end, _ in hits.within(0, len(text))]


def test_small_letters_find_both_and_capitals_only_themselves() -> None:
    assert found("error", "Error, error, ERROR") == ["Error", "error", "ERROR"]
    assert found("Error", "Error, error, ERROR") == ["Error"]
    assert found("发货", "什么时候发货？发货了") == ["发货", "发货"]
    assert found("a.c (", "abc a.c (") == ["a.c ("]
    assert found("nothing", "something") == []


def test_behind_a_tilde_stands_an_expression() -> None:
    assert found("~e[rx]+o", "Error exo") == ["Erro", "exo"]
    assert found("~订.", "我的订单") == ["订单"]
    for wrong in ("~(", "~", "~x*", ""):
        with pytest.raises(Invalid):
            Hits(wrong)


def test_hits_go_round_the_end() -> None:
    hits = Hits("x")
    hits.look("x..x..x", at=2)
    assert (len(hits), hits.current, hits.place, hits.wrapped) == (3, 1, 3, False)
    hits.step(1)
    hits.step(1)
    assert (hits.current, hits.wrapped) == (0, True)
    hits.step(-1)
    assert (hits.current, hits.wrapped) == (2, True)
    hits.step(-1)
    assert (hits.current, hits.wrapped) == (1, False)
    hits.look("x..x", at=4)
    assert (hits.current, hits.wrapped) == (0, True)


def test_a_hit_over_several_lines_is_marked_in_each() -> None:
    hits = Hits("bcd")
    hits.look("abcdef", 0)
    assert list(hits.within(0, 2)) == [(1, 2, True)]
    assert list(hits.within(2, 6)) == [(2, 4, True)]
    assert list(hits.within(4, 6)) == []
