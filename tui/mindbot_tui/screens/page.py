"""A page of text in front of a view."""

from __future__ import annotations

import re
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from mindbot_tui.cells import brief
from mindbot_tui.keymap import PLACES, bindings_in, keys_in
from mindbot_tui.surface import console_of
from mindbot_tui.widgets.colours import Colour, as_json, json_colours, plain
from mindbot_tui.widgets.text import Text

_MOST_JSON = 1 << 16  # characters of JSON set out and coloured unasked


class Page(ModalScreen[None]):
    """Any of the usual keys closes it; those of texts search it and take it elsewhere."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,space", "dismiss", show=False),
        *bindings_in("text"),
    ]
    #: The commands that its keys may give: its own, and those that go to another place and so close it.
    #: Those of the view behind it are not for it.
    commands = frozenset(
        key.command.partition(" ")[0]
        for key in (*keys_in("text"), *keys_in("everywhere"))
        if key.context == "text" or key.id in PLACES
    )

    def __init__(self, title: str, text: str, *, json: bool = False) -> None:
        super().__init__()
        self._title = title
        shown, colour = _shown(text, json)
        self.text = Text(shown, colour=colour)

    def compose(self) -> ComposeResult:
        words = console_of(self).words
        with Vertical(id="page") as page:
            page.border_title = brief(self._title, 120).replace("[", "\\[")
            page.border_subtitle = words("esc · / search · C copy · W save · ^o open · m render")
            yield self.text

    @property
    def text_name(self) -> str:
        """What a file with the text is called."""
        return re.sub(r"[^\w.-]+", "-", self._title).strip("-.")[:60] or "text"

    @property
    def open(self) -> bool:
        """Whether it has not been closed yet."""
        return self in self.app.screen_stack

    def put(self, text: str) -> None:
        """Show another text on it."""
        self.text.put(text)


def _shown(text: str, json: bool) -> tuple[str, Colour]:
    """Return a text and its colours; short JSON is set out."""
    if json and len(text) <= _MOST_JSON:
        text = as_json(text) or text
    return text, json_colours if json else plain
