"""What is known of something, a label and its text a line."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import set_cell_size

from mindbot_tui.cells import brief, fit, wrap
from mindbot_tui.widgets.paint import Piece
from mindbot_tui.widgets.text import Text

_LABEL = 14  # cells
_MOST = 1000  # characters of one fact


class Facts(Text):
    """`tell` replaces what is shown; the reader stays in place while it is about the same thing."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(colour=_colours, id=id)
        self._about: object = None

    def tell(
        self, about: str, facts: Iterable[tuple[str, str]], *, rule: bool = True, called: str = ""
    ) -> None:
        """Show facts about something, under what it is ``called``; an empty label goes on with the last."""
        room = max(self.size.width - _LABEL - 1, 20)
        lines = [f"── {brief(called or about, room)} ──"] if rule else []
        for head, text in facts:
            whole = text if len(text) <= _MOST else f"{text[:_MOST]}…"
            for piece in wrap(whole.replace("\n", " "), room):
                lines.append(f"{fit(head, _LABEL)} {piece}")
                head = ""
        self.put("\n".join(lines), colour=_colours, stays=about == self._about)
        self._about = about


def _colours(line: str) -> list[Piece]:
    """The rule and the labels stand out."""
    if line.startswith("── "):
        return [(line, "head")]
    label = set_cell_size(line, _LABEL)
    return [(label, "dim"), (line[len(label) :], "text")]
