"""Numbers over time as little bars, one a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

from textual.strip import Strip

from mindbot_tui.cells import fit
from mindbot_tui.widgets.paint import Painter, Piece

_BARS = " ▁▂▃▄▅▆▇█"
_LABEL, _VALUE = 14, 14  # cells

#: A label, the numbers (the oldest first), and how the last one is said.
Line = tuple[str, Sequence[float], str]


def bars(values: Sequence[float], width: int) -> str:
    """Return the last ``width`` numbers as bars, the highest of them full; what is not nothing is seen."""
    shown = list(values)[-width:] if width > 0 else []
    most = max(shown, default=0.0)
    drawn = "".join(_BARS[ceil(max(value, 0.0) * 8 / most)] if most else " " for value in shown)
    return " " * (width - len(drawn)) + drawn


class Sparks(Painter):
    """``lines`` returns what is shown; `sync` looks whether it has changed."""

    DEFAULT_CSS = "Sparks { height: auto; }"

    def __init__(self, lines: Callable[[], Sequence[Line]], id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines = lines
        self._shown: Sequence[Line] = ()

    def sync(self) -> None:
        """Draw again if a number is another one now."""
        found = [(label, tuple(values), said) for label, values, said in self._lines()]
        if found != self._shown:
            grown = len(found) != len(self._shown)
            self._shown = found
            self.refresh(layout=grown)

    def get_content_height(self, *_: object) -> int:
        return len(self._shown)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._shown):
            return Strip.blank(width)
        label, values, said = self._shown[y]
        room = max(width - _LABEL - _VALUE - 3, 0)
        pieces: list[Piece] = [
            (" " + fit(self.words(label), _LABEL - 1), "dim"),
            (fit(said, _VALUE, right=True), "text"),
            ("  ", "text"),
            (bars(values, room), "bar"),
        ]
        return self.strip(pieces, width)
