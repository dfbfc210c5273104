"""A text one scrolls in: wrapped at the edge, coloured by its kind, drawn a line at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mindbot_tui.cells import wrap
from mindbot_tui.widgets.paint import Painter, Piece

MOST = 1 << 20  # characters shown of one text
_JSON = re.compile(
    r'(?P<accent>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<string>"(?:[^"\\]|\\.)*"?)'
    r"|(?P<number>-?\b\d[\d.eE+-]*\b|\b(?:true|false|null)\b)"
)
_SPEAKERS = frozenset(("system", "user", "assistant", "tool"))


def plain(line: str) -> list[Piece]:
    """Return a line of text; a rule between parts and the speaker of a prompt stand out."""
    if line.startswith("── "):
        return [(line, "head")]
    speaker, colon, rest = line.partition(": ")
    if colon and speaker in _SPEAKERS:
        return [(speaker + colon, "accent"), (rest, "text")]
    return [(line, "text")]


def json_colours(line: str) -> list[Piece]:
    """Return a line of JSON in its colours."""
    out: list[Piece] = []
    at = 0
    for found in _JSON.finditer(line):
        if found.start() > at:
            out.append((line[at : found.start()], "dim"))
        out.append((found[0], found.lastgroup or "text"))
        at = found.end()
    out.append((line[at:], "dim"))
    return out


Colour = Callable[[str], list[Piece]]


class Text(Painter, ScrollView, can_focus=True):
    """``put`` replaces what is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("pageup,ctrl+b", "page_up", show=False),
        Binding("pagedown,ctrl+f", "page_down", show=False),
        Binding("home,g", "scroll_home", show=False),
        Binding("end,G", "scroll_end", show=False),
    ]

    def __init__(self, text: str = "", *, colour: Colour = plain, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text, self._colour = text, colour
        self._lines: list[str] = []

    def put(self, text: str, *, colour: Colour = plain, stays: bool = False) -> None:
        """Show another text, from its beginning or where the reader is; the same one stays where it is."""
        if (text, colour) == (self._text, self._colour):
            return
        self._text, self._colour = text, colour
        self._lay()
        self.scroll_to(y=self.scroll_y if stays else 0, animate=False, immediate=True)

    def on_resize(self) -> None:
        self._lay()

    def _lay(self) -> None:
        width = max(self.size.width, 1)
        text = self._text[:MOST]
        before = len(self._lines)
        self._lines = [piece for line in text.split("\n") for piece in wrap(line, width)]
        self.virtual_size = Size(0, len(self._lines))
        self.refresh(layout=len(self._lines) != before)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return sum(1 for line in self._text[:MOST].split("\n") for _ in wrap(line, width))

    def render_line(self, y: int) -> Strip:
        index = round(self.scroll_y) + y
        line = self._lines[index] if index < len(self._lines) else ""
        return self.strip(self._colour(line), self.size.width)
