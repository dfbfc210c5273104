"""The phone: a conversation as its user sees it, drawn a line at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mindbot_tui.cells import clean, clock, fit, wrap
from mindbot_tui.cells import size as bytes_of
from mindbot_tui.state.phone import CURSOR, SHOWN, Bubble
from mindbot_tui.widgets.paint import Painter, Piece

_STYLES = {"title": "strong", "button": "key", "field": "dim", "file": "accent", "quote": "dim"}
_LINES = 40  # of one bubble
_SMALL = 8  # lines under which names and gaps give way to what was said


class Phone(Painter, ScrollView, can_focus=True):
    """``put`` replaces what is on it; who looks at the end of what is followed goes on doing so."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("pageup,ctrl+b", "page_up", show=False),
        Binding("pagedown,ctrl+f", "page_down", show=False),
        Binding("home,g", "scroll_home", show=False),
        Binding("end,G", "scroll_end", show=False),
    ]

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._bubbles: Sequence[Bubble] = ()
        self._followed = 0
        self._at = 0  # the line at the top while the end is followed
        self._lines: list[list[Piece]] = []
        self._laid: dict[tuple[Bubble, int, int], list[list[Piece]]] = {}

    def put(self, bubbles: Sequence[Bubble], followed: int) -> None:
        """Show these; the end that is followed is that of the first so many."""
        if list(bubbles) != list(self._bubbles) or followed != self._followed:
            self._bubbles, self._followed = bubbles, followed
            self._lay()

    def on_resize(self) -> None:
        self._lay()

    def _lay(self) -> None:
        follows = min(self._at, self.max_scroll_y) - 1 <= self.scroll_y <= self._at + 1
        width = max(self.size.width, 12)
        small = self.size.height if self.size.height < _SMALL else 0
        known, self._laid = self._laid, {}
        self._lines, end = [], 0
        for n, bubble in enumerate(self._bubbles):
            key = (bubble, width, small)
            self._laid[key] = known.get(key) or list(_drawn(bubble, width, small))
            if n and not small:
                self._lines.append([])
            self._lines += self._laid[key]
            end = len(self._lines) if n < self._followed else end
        self.virtual_size = Size(0, len(self._lines))
        self._at = max(end - self.size.height, 0)
        if follows:
            self.scroll_to(y=self._at, animate=False, immediate=True, force=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        index = round(self.scroll_y) + y
        return self.strip(self._lines[index] if index < len(self._lines) else [], self.size.width)


def _drawn(bubble: Bubble, width: int, small: int) -> Iterator[list[Piece]]:
    """Yield a bubble's lines: who and when, what, and how it fared.

    ``small``: on a phone of so few lines nobody's name, and of an answer that grows so many of the last
    lines that what was asked stays in sight.
    """
    mine = bubble.side == "user"
    most = width if not bubble.side else max(width * 5 // 6, 10)
    lines = list(_inside(bubble, most - 2))
    if small and lines and lines[-1][0].endswith(CURSOR):
        lines = lines[-max(small - 2, 1) :]
    head = "" if small else clean(f"{bubble.name} {clock(bubble.at)}").strip()
    room = min(max([cell_len(text) for text, _ in lines], default=0), most - 2)
    if head and (bubble.side or lines):
        yield _placed([(fit(head, min(cell_len(head), most)), "dim")], mine, width)
    for text, style in lines:
        ground = "mine" if mine else "bubble"
        yield _placed([(f" {fit(text, room)} ", f"{style}/{ground}")], mine, width)
    for text in wrap(bubble.note, most) if bubble.note else ():
        yield (
            _placed([(text, bubble.kind)], mine, width) if bubble.side else _middle(text, bubble.kind, width)
        )


def _inside(bubble: Bubble, most: int) -> Iterator[tuple[str, str]]:
    left = _LINES
    for kind, text in bubble.blocks:
        shown = text[:SHOWN]
        for line in shown.split("\n"):
            for piece in wrap(f"│ {line}" if kind == "quote" else line, most):
                if left == 0:
                    yield f"… {bytes_of(len(text.encode()))}", "dim"
                    return
                left -= 1
                yield piece, _STYLES.get(kind, "text")
        if len(text) > SHOWN:
            yield f"… {bytes_of(len(text.encode()))}", "dim"


def _placed(pieces: list[Piece], right: bool, width: int) -> list[Piece]:
    used = sum(cell_len(text) for text, _ in pieces)
    return [(" " * max(width - used - 1, 0), "text"), *pieces] if right else [(" ", "text"), *pieces]


def _middle(text: str, style: str, width: int) -> list[Piece]:
    return [(" " * max((width - cell_len(text)) // 2, 0), "text"), (text, style)]
