"""Colours that can be read, and a frame that no theme takes away."""

from __future__ import annotations

import pytest
from console_driver import console
from console_fakes import FakeClock, FakeDaemon
from console_sample import filled
from textual.color import Color

from mindbot_tui.app import Console
from mindbot_tui.themes import DARK, LIGHT, LOUD
from mindbot_tui.widgets.frame import StatusBar


def contrast(one: Color, other: Color) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.1, relative luminance)."""

    def luminance(colour: Color) -> float:
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.normalized]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_words_can_be_read_on_every_ground(theme: str) -> None:
    variables = Console(FakeDaemon(), theme=theme).get_css_variables()
    for ground in ("background", "surface", "panel"):
        for name in ("foreground", "primary", "secondary", "accent", "success", "warning", "error"):
            found = contrast(Color.parse(variables[name]), Color.parse(variables[ground]))
            least = 4.5 if ground == "background" and name != "secondary" else 2.9
            assert found >= least, f"{name} on {ground}: {found:.1f}"


@pytest.mark.parametrize("theme", [DARK, LIGHT, "nord", "textual-light", "solarized-light"])
@pytest.mark.parametrize("loud", LOUD)
def test_a_loud_frame_stays_with_every_theme(theme: str, loud: str) -> None:
    console = Console(FakeDaemon(), loud=loud, theme=theme)
    before = console.get_css_variables()
    console.use_theme(LIGHT if theme == DARK else DARK)
    after = console.get_css_variables()
    assert (before["frame"], before["chip"]) == (after["frame"], after["chip"])
    assert after["frame"] != Console(FakeDaemon(), theme=theme).get_css_variables()["frame"]
    assert contrast(Color.parse(after["frame-text"]), Color.parse(after["frame"])) >= 4.5


@pytest.mark.anyio
@pytest.mark.full
@pytest.mark.parametrize("theme", [DARK, LIGHT, "nord"])
async def test_what_is_wrong_is_read_best_of_all_without_colours(
    theme: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(filled(), clock=clock, theme=theme) as person:
        await person.sees("Where is my order")
        bar = person.app.view.query_one(StatusBar)
        for name in ("alarm", "warn", "chip", "bad"):
            found = bar.get_component_rich_style(f"paint--{name}")
            inks = [Color.from_rich_color(each) for each in (found.color, found.bgcolor)]
            assert found.reverse and contrast(*inks) >= 6, name
