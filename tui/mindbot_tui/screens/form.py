"""A form in front of a view: a line a field, offers while one types, mistakes where they are seen."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mindbot.domain.errors import MindBotError
from mindbot_tui.cells import readable
from mindbot_tui.state.forms import Form, FormField
from mindbot_tui.surface import console_of
from mindbot_tui.widgets.offers import Offer, OfferInput, Offers


class FormInput(OfferInput):
    """A field: Tab and the arrows go to the next one where they do not choose an offer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("shift+tab", "app.focus_previous", show=False)]

    def __init__(self, offers: Offers, asked: FormField, **options: Any) -> None:
        super().__init__(offers, self._offered, value=asked.value, placeholder=asked.help, **options)
        self.asked = asked

    def _offered(self, text: str, cursor: int) -> list[Offer]:
        return [Offer(*found) for found in self.asked.offered(text, cursor)]

    def action_offer_take(self) -> None:
        if self.offers.open:
            super().action_offer_take()
        else:
            self.screen.focus_next()

    def action_offer_move(self, by: int) -> None:
        if self.offers.open:
            super().action_offer_move(by)
        elif by > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()

    def on_focus(self, event: events.Focus) -> None:
        self.scroll_visible(animate=False)


class FormScreen(ModalScreen[None]):
    """Enter does it, Escape leaves it; what was typed stays while it is refused."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("ctrl+s", "submit", show=False, priority=True),
    ]

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form
        self._busy = False

    def compose(self) -> ComposeResult:
        words = console_of(self).words
        self._inputs: dict[str, FormInput] = {}
        with VerticalScroll(id="form", can_focus=False) as box:
            box.border_title = readable(self._form.title).replace("[", "\\[")
            box.border_subtitle = words("tab next · enter does it · esc leaves")
            if self._form.note:
                yield Static(readable(self._form.note), classes="form-note", markup=False)
            for each in self._form.fields:
                offers = Offers()
                self._inputs[each.name] = FormInput(offers, each, classes="form-input")
                with Horizontal(classes="form-line"):
                    yield Static(each.label, classes="form-label", markup=False)
                    yield self._inputs[each.name]
                yield offers
            yield Static("", id="form-said", markup=False)

    def on_mount(self) -> None:
        first = next(iter(self._inputs.values()))
        first.cursor_position = len(first.value)
        self.set_focus(first)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_submit()

    def on_offer_input_left(self) -> None:
        self.action_leave()

    def action_submit(self) -> None:
        if not self._busy:
            self._busy = True
            self._tell(console_of(self).words("asking the daemon …"))
            self._do()

    @work(group="form")
    async def _do(self) -> None:
        try:
            await self._form.done({name: each.value.strip() for name, each in self._inputs.items()})
        except MindBotError as error:
            self._tell(str(error), bad=True)
        else:
            self.dismiss(None)
        finally:
            self._busy = False

    def _tell(self, text: str, *, bad: bool = False) -> None:
        said = self.query_one("#form-said", Static)
        said.update(readable(text))
        said.set_class(bad, "-bad")
        said.scroll_visible(animate=False)

    def action_leave(self) -> None:
        self.dismiss(None)
