"""The command prompt, as in vi and k9s: a colon, a command, its argument."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mindbot.filters.complete import complete
from mindbot.filters.fields import TURN_FIELDS
from mindbot_tui.commands.catalog import COMMANDS
from mindbot_tui.surface import Surface, console_of
from mindbot_tui.widgets.offers import Offer, OfferInput, Offers


class Prompt(ModalScreen[str]):
    """Ends with the line that was typed; empty when the reader thought better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]
    mark: ClassVar[str] = " : "

    def __init__(self, begun: str = "", history: list[str] | None = None) -> None:
        super().__init__()
        self._begun = begun  # and what is typed before the input is there
        self._history = history or []

    @property
    def console(self) -> Surface:
        return console_of(self)

    def compose(self) -> ComposeResult:
        self._offers = Offers(id="prompt-offers")
        self._input = OfferInput(self._offers, self._complete, id="prompt")
        with Vertical(id="prompt-box"):
            yield self._offers
            with Horizontal(id="prompt-line"):
                yield Static(self.mark, id="prompt-mark")
                yield self._input

    def on_mount(self) -> None:
        for line in self._history:
            self._input.remember(line)
        self._input.value = self._begun
        self._input.cursor_position = len(self._begun)
        self.set_focus(self._input)
        self._input.offer()

    def on_key(self, event: events.Key) -> None:
        if self.focused is None and event.character and event.is_printable:
            self._begun += event.character

    def _complete(self, text: str, cursor: int) -> list[Offer]:
        head = text[:cursor]
        name, blank, argument = head.partition(" ")
        if not blank:
            return list(self._commands(name, cursor))
        if name == "filter":
            at = len(name) + 1
            found = complete(argument, cursor - at, TURN_FIELDS, self.console.flow.values())
            return [Offer(o.text, o.start + at, o.end + at, o.help) for o in found]
        command = COMMANDS.get(name)
        offers = command.offers(self.console) if command else ()
        return [Offer(o, len(name) + 1, cursor, help) for o, help in offers if o.startswith(argument)]

    def _commands(self, typed: str, cursor: int) -> Iterator[Offer]:
        for command in COMMANDS.values():
            if command.name.startswith(typed) and command.name not in ("prompt", "palette"):
                why = command.refused(self.console)
                help = self.console.words(command.help)
                yield Offer(command.name, 0, cursor, f"({why})" if why else help)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.use(event.value)

    def use(self, typed: str) -> None:
        """End with what was typed."""
        self.dismiss(typed.strip())

    def on_offer_input_left(self) -> None:
        self.action_leave()

    def action_leave(self) -> None:
        self.dismiss("")

    def on_click(self) -> None:
        if not self._input.has_focus:
            self.dismiss("")
