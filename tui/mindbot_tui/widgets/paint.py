"""Widgets that draw their own lines share one palette, so that a theme changes them all."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from mindbot_tui.surface import Surface, console_of
from mindbot_tui.words import Words

#: What a piece of text may be. The colours are in console.tcss.
NAMES = (
    *("text", "dim", "head", "strong", "accent", "key", "off"),
    *("ok", "busy", "wait", "bad", "drop", "warn"),
    *("name", "string", "number", "bar", "mark", "hit", "chip", "alarm", "mine", "bubble"),
)

Piece = tuple[str, str]  # a text and what it is


class Painter(Widget):
    """Styles by name, cached until the theme changes."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"paint--{name}" for name in NAMES}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._painted: dict[str, Style] = {}

    def notify_style_update(self) -> None:
        self._painted = {}
        super().notify_style_update()

    @property
    def console(self) -> Surface:
        return console_of(self)

    @property
    def words(self) -> Words:
        return self.console.words

    def paint(self, name: str, ground: str = "") -> Style:
        """Return the style of a name; ``ground``, or what the name has after a slash, names another style
        whose background lies under it."""
        if "/" in name:
            name, _, ground = name.partition("/")
        key = f"{name}/{ground}"
        style = self._painted.get(key)
        if style is None:
            style = self.get_component_rich_style(f"paint--{name}")
            if ground:
                under = self.get_component_rich_style(f"paint--{ground}")
                style = style + Style(bgcolor=under.bgcolor, underline=under.underline)
            self._painted[key] = style
        return style

    def strip(self, pieces: list[Piece], width: int, ground: str = "") -> Strip:
        """Return a line of exactly ``width`` cells; the texts must be clean."""
        segments = [Segment(text, self.paint(name, ground)) for text, name in pieces]
        return Strip(segments).adjust_cell_length(width, self.paint("text", ground))
