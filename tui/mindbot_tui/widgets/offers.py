"""An input that offers what could stand at the cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input

from mindbot_tui.cells import fit
from mindbot_tui.widgets.paint import Painter

MOST = 8  # offers in sight


@dataclass(frozen=True, slots=True)
class Offer:
    """Put ``text`` in place of the characters from ``start`` to ``end``."""

    text: str
    start: int
    end: int
    help: str = ""


Complete = Callable[[str, int], Sequence[Offer]]


class Offers(Painter):
    """The offers under, or above, their input."""

    DEFAULT_CSS = "Offers { overlay: screen; constrain: inside inflect; height: auto; display: none; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.offers: Sequence[Offer] = ()
        self.chosen = -1
        self.top = 0

    @property
    def open(self) -> bool:
        return bool(self.offers)

    def put(self, offers: Sequence[Offer], column: int = 0) -> None:
        """Show these, so many cells from the left; none closes the list."""
        self.offers, self.chosen, self.top = offers, -1, 0
        self.display = bool(offers)
        if offers:
            names = max(cell_len(o.text) for o in offers)
            helps = max(cell_len(self.words(o.help)) for o in offers)
            self._names = min(names, 40)
            self.styles.width = min(self._names + helps + 4, max(self.app.size.width - 2, 10))
            self.styles.height = min(len(offers), MOST)
            self.styles.offset = (column, 0)
        self.refresh()

    def move(self, by: int) -> None:
        """Choose the next or the previous one; beyond the ends none is chosen."""
        self.chosen = (self.chosen + 1 + by) % (len(self.offers) + 1) - 1
        at = max(self.chosen, 0)
        self.top = max(min(self.top, at), at - MOST + 1)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        index, width = self.top + y, self.size.width
        if index >= len(self.offers):
            return Strip.blank(width)
        offer = self.offers[index]
        ground = "mark" if index == self.chosen else ""
        name = fit(offer.text, self._names)
        help = fit(self.words(offer.help), max(width - self._names - 3, 0))
        return self.strip([(" ", "text"), (name, "accent"), ("  ", "text"), (help, "dim")], width, ground)

    def on_click(self, event: events.Click) -> None:
        self.chosen = self.top + event.y
        self.post_message(self.Clicked())

    class Clicked(Message):
        """One was chosen with the mouse."""


class OfferInput(Input):
    """Tab and the arrows choose, Enter takes what was chosen or submits, Escape leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "offer_take", show=False, priority=True),
        Binding("down", "offer_move(1)", show=False),
        Binding("up", "offer_move(-1)", show=False),
        Binding("escape", "offer_leave", show=False),
    ]

    @dataclass
    class Left(Message):
        """The reader is done here."""

        input: OfferInput

    def __init__(self, offers: Offers, complete: Complete, **kwargs: Any) -> None:
        super().__init__(compact=True, select_on_focus=False, **kwargs)
        self.offers = offers
        self.cursor_blink = False
        self._complete = complete
        self._history: list[str] = []
        self._back = 0
        self._typed = ""  # what the offers were made for

    def remember(self, text: str) -> None:
        """Keep a text for the up key."""
        if text and text not in self._history[-1:]:
            self._history.append(text)
        self._back = 0

    def on_input_changed(self, event: Input.Changed) -> None:
        if self.has_focus and event.value != self._typed:
            self.offer()

    def offer(self) -> None:
        """Offer what could stand at the cursor."""
        self._typed = self.value
        found = list(self._complete(self.value, self.cursor_position))
        if len(found) == 1 and found[0].text.rstrip() == self.value[found[0].start : found[0].end]:
            found = []
        start = min((offer.start for offer in found), default=0)
        self.offers.put(found, self.region.x - 1 + cell_len(self.value[:start]))

    def on_blur(self) -> None:
        self.offers.put(())

    def action_offer_move(self, by: int) -> None:
        if self.offers.open:
            self.offers.move(by)
        elif by < 0 and self._back < len(self._history):
            self._back += 1
            self._put(self._history[-self._back])
        elif by > 0 and self._back:
            self._back -= 1
            self._put(self._history[-self._back] if self._back else "")
        elif by > 0:
            self.offer()

    def _put(self, text: str) -> None:
        self._typed = self.value = text
        self.cursor_position = len(text)

    def action_offer_take(self) -> None:
        if not self.offers.open:
            self.offer()
            return
        self._take(self.offers.offers[max(self.offers.chosen, 0)])

    def _take(self, offer: Offer) -> None:
        tail = self.value[offer.end :]
        text = offer.text
        if text[-1:] not in (".", " ", "[", ","):
            text += "" if tail[:1] == " " else " "
        self._typed = self.value = self.value[: offer.start] + text + tail
        self.cursor_position = offer.start + len(text)
        self.offer()

    def action_offer_leave(self) -> None:
        if self.offers.open:
            self.offers.put(())
        else:
            self.post_message(self.Left(self))

    async def action_submit(self) -> None:
        if self.offers.open and self.offers.chosen >= 0:
            self._take(self.offers.offers[self.offers.chosen])
            return
        self.offers.put(())
        await super().action_submit()
