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
from mindbot_tui.state.phone import SHOWN, Bubble
from mindbot_tui.widgets.paint import Painter, Piece

_STYLES = {"title": "strong", "button": "key", "field": "dim", "file": "accent", "quote": "dim"}
_LINES = 40  # of one bubble


class Phone(Painter, ScrollView, can_focus=True):
    """``put`` replaces what is on it; whoever looks at its end goes on doing so."""

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
        self._lines: list[list[Piece]] = []
        self._laid: dict[tuple[Bubble, int], list[list[Piece]]] = {}

    def put(self, bubbles: Sequence[Bubble]) -> None:
        """Show these."""
        if list(bubbles) != list(self._bubbles):
            self._bubbles = bubbles
            self._lay()

    def on_resize(self) -> None:
        self._lay()

    def _lay(self) -> None:
        follows = self.scroll_y >= self.max_scroll_y - 1
        width = max(self.size.width, 12)
        known, self._laid = self._laid, {}
        for bubble in self._bubbles:
            key = (bubble, width)
            self._laid[key] = known.get(key) or list(_drawn(bubble, width))
        self._lines = [line for bubble in self._bubbles for line in self._laid[bubble, width]]
        self.virtual_size = Size(0, len(self._lines))
        if follows:
            self.scroll_end(animate=False, immediate=True, force=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        index = round(self.scroll_y) + y
        return self.strip(self._lines[index] if index < len(self._lines) else [], self.size.width)


def _drawn(bubble: Bubble, width: int) -> Iterator[list[Piece]]:
    """Yield a bubble's lines: who and when, what, and how it fared; then an empty one."""
    mine = bubble.side == "user"
    most = width if not bubble.side else max(width * 5 // 6, 10)
    lines = list(_inside(bubble, most - 2))
    head = clean(f"{bubble.name} {clock(bubble.at)}").strip()
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
    yield []


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
