"""A text one scrolls and searches in: wrapped at the edge, coloured by its kind, drawn a line at a time.

Whatever its size, only what is in sight is laid out, coloured and drawn: opening, scrolling and resizing
cost what the screen costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from mindbot.domain.errors import Invalid
from mindbot_tui.cells import fit
from mindbot_tui.hits import Hits
from mindbot_tui.laid import Laid
from mindbot_tui.markdown import markdown
from mindbot_tui.widgets.colours import Colour, Coloured, Marked, as_json
from mindbot_tui.widgets.colours import json_colours as json_colours
from mindbot_tui.widgets.colours import plain as plain
from mindbot_tui.widgets.paint import Painter, Piece

MOST = 1 << 21  # characters shown of one text
MOST_RENDERED = 1 << 18
_AHEAD = 500  # lines laid out below what is in sight


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
        self._coloured = Coloured(colour)
        self._unfolded: Callable[[], str] | None = None
        self.rendered = False
        self._laid = Laid("", 1)
        self.hits: Hits | None = None

    def put(
        self,
        text: str,
        *,
        colour: Colour = plain,
        stays: bool = False,
        unfolded: Callable[[], str] | None = None,
    ) -> None:
        """Show another text, from its beginning or where the reader is; the same one stays where it is, and
        one that has grown does. ``unfolded`` returns all of it, where it is shown shortened."""
        if (text, colour) == (self._text, self._colour):
            return
        grown = bool(self._text) and text.startswith(self._text)
        self._text, self._unfolded = text, unfolded
        self._colour = colour
        self._lay()
        self.scroll_to(y=self.scroll_y if stays or grown else 0, animate=False, immediate=True)
        self._look_again()

    @property
    def whole(self) -> str:
        """All of the text, also what is not shown of it."""
        return self._unfolded() if self._unfolded is not None else self._text

    @property
    def folded(self) -> bool:
        """Whether less is shown than there is."""
        return self._unfolded is not None or len(self._text) > MOST

    @property
    def suffix(self) -> str:
        """What the name of a file with this text ends in."""
        return ".json" if self._colour is json_colours else ".txt"

    def render_as(self, *, rendered: bool) -> None:
        """Show the text as it is, or as what it is meant to look like: JSON set out, Markdown without its
        marks. Raises Invalid for one too long for that."""
        if rendered and len(self.whole) > MOST_RENDERED:
            raise Invalid(f"only texts up to {MOST_RENDERED >> 10} thousand characters are rendered")
        self.rendered = rendered
        self._laid = Laid("", 1)
        self._lay()
        self.scroll_to(y=0, animate=False, immediate=True)
        self._look_again()

    # --- searching

    @property
    def searched(self) -> str:
        """What was searched for; empty when nothing was."""
        return self.hits.words if self.hits is not None else ""

    def find(self, words: str) -> None:
        """Mark all hits and go to the first one from here on; forget them without words. Raises Invalid."""
        if not words:
            self.hits = None
            self.refresh()
            return
        hits = Hits(words)
        if self._unfolded is not None:
            self.put(self._unfolded(), colour=self._colour, stays=True)
        hits.look(self._laid.text, self._top)
        self.hits = hits
        self._show_hit()

    def _look_again(self) -> None:
        if self.hits is not None:
            self.hits.look(self._laid.text, self._top)

    def next_hit(self, by: int) -> None:
        """Go so many hits on."""
        if self.hits is not None:
            self.hits.step(by)
            self._show_hit()

    def _show_hit(self) -> None:
        if self.hits:
            line = self._laid.line_of(self.hits.place)
            top = round(self.scroll_y)
            if not top <= line < top + self.size.height - 1:  # the last line holds the count
                self._reach(line)
                self.scroll_to(y=line - self.size.height // 3, animate=False, immediate=True)
        self.refresh()

    @property
    def _top(self) -> int:
        """The character at the top."""
        line = min(round(self.scroll_y), len(self._laid) - 1)
        return self._laid.span(line)[0] if line >= 0 else 0

    # --- laying out

    def on_resize(self) -> None:
        if self._laid.width != max(self.size.width, 2):
            top = self._top
            self._lay()
            if top:
                self.scroll_to(y=self._laid.line_of(top), animate=False, immediate=True)

    def _lay(self) -> None:
        width = max(self.size.width, 2)
        text, self._coloured = self._look()
        if len(text) > MOST:
            text = f"{text[:MOST]}\n{self.words('… {n} more characters', n=f'{len(text) - MOST:,}')}"
        if self._laid.width != width or not self._laid.grown(text):
            self._laid = Laid(text, width)
        self._reach(round(self.scroll_y))
        self._measure()
        self.refresh(layout=self.styles.is_auto_height)

    def _look(self) -> tuple[str, Coloured]:
        """Return the text that is laid out, and its colours."""
        if self.rendered and len(self.whole) <= MOST_RENDERED:
            if (found := as_json(self.whole)) is not None:
                return found, Coloured(json_colours)
            marked = Marked(markdown(self.whole))
            return marked.text, marked
        same = self._coloured.colour is self._colour
        return self._text, self._coloured if same else Coloured(self._colour)

    def _reach(self, top: int) -> None:
        """Lay out what is in sight from a line on, and a little more."""
        if self._laid.reach(top + self.size.height + _AHEAD):
            self._measure()

    def _measure(self) -> None:
        size = Size(0, self._laid.height)
        if size != self.virtual_size:
            self.virtual_size = size

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        self._reach(round(new_value))
        super().watch_scroll_y(old_value, new_value)
        if new_value > self.max_scroll_y:  # it was estimated longer
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def action_scroll_end(self) -> None:
        if self._laid.finish():
            self._measure()
        super().action_scroll_end()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        laid = self._laid if self._laid.width == width else Laid(self._look()[0][:MOST], width)
        laid.reach(viewport.height + 1)
        return len(laid)

    # --- drawing

    def render_line(self, y: int) -> Strip:
        width, line = self.size.width, round(self.scroll_y) + y
        strip = self._line(line, width)
        if self.hits is not None and y == self.size.height - 1:
            return self._with_count(strip, width)
        return strip

    def _line(self, line: int, width: int) -> Strip:
        self._laid.reach(line + 1)
        if line >= len(self._laid):
            return self.strip([], width)
        begin, end = self._laid.span(line)
        pieces = self._coloured.pieces(self._laid.text, begin, end)
        for first, last, here in self.hits.within(begin, end) if self.hits is not None else ():
            pieces = _marked(pieces, first - begin, last - begin, "chip" if here else "hit")
        if (selection := self.text_selection) is not None and (span := selection.get_span(line)) is not None:
            pieces = _marked(pieces, span[0], end - begin if span[1] < 0 else span[1], "mark")
        segments = [Segment(text, self._style(name)) for text, name in pieces]
        strip = Strip(segments).adjust_cell_length(width, self.paint("text"))
        return strip.apply_offsets(0, line)

    def _style(self, name: str) -> Style:
        name, _, ground = name.partition("/")
        return self.paint(name, ground)

    def _with_count(self, strip: Strip, width: int) -> Strip:
        text = fit(f" {self._said()} ", width).rstrip() + " "
        chip = self.strip([(text, "chip")], cell_len(text))
        return Strip.join([strip.crop(0, max(width - chip.cell_length, 0)), chip]).crop(0, width)

    def _said(self) -> str:
        hits = self.hits
        if not hits:
            return self.words("{what}: not found", what=hits.words if hits is not None else "")
        place = f"{hits.words}  {hits.current + 1:,}/{hits.count}"
        return place + self.words(", round the end") if hits.wrapped else place

    # --- selecting with the mouse

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return what is selected, as it was before it was wrapped."""
        last = max(len(self._laid) - 1, 0)
        first, until = selection.start, selection.end
        begin = self._laid.span(min(first.y, last))[0] + first.x if first else 0
        end = self._laid.span(min(until.y, last))[0] + until.x if until else len(self._laid.text)
        return self._laid.text[begin:end], "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()


def _marked(pieces: list[Piece], begin: int, end: int, name: str) -> list[Piece]:
    """Return a line's pieces with a stretch of characters on the ground, or in the style, of a name."""
    out: list[Piece] = []
    at = 0
    for text, was in pieces:
        first, last = max(begin - at, 0), min(end - at, len(text))
        at += len(text)
        if first >= last:
            out.append((text, was))
            continue
        style = name if name == "chip" else f"{was.partition('/')[0]}/{name}"
        out += [(text[:first], was), (text[first:last], style), (text[last:], was)]
    return [piece for piece in out if piece[0]]
