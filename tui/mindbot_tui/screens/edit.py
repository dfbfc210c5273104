"""A text to change in front of a view, that somebody else may change meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from mindbot.domain.errors import Conflict, MindBotError
from mindbot_tui.cells import readable
from mindbot_tui.state.forms import Edit, Editable
from mindbot_tui.state.merge import merge
from mindbot_tui.surface import Surface, console_of
from mindbot_tui.widgets.tabs import Tabs
from mindbot_tui.widgets.text import Text


class EditScreen(ModalScreen[None]):
    """Saves with Ctrl+S. Where another has saved first, theirs shows under mine: one of them, or both put
    together, is saved then."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("ctrl+s", "save", show=False, priority=True),
        Binding("ctrl+o", "outside", show=False, priority=True),
        Binding("ctrl+r", "reload", show=False, priority=True),
        Binding("ctrl+t", "theirs", show=False, priority=True),
        Binding("ctrl+g", "merge", show=False, priority=True),
        Binding("ctrl+n", "part", show=False, priority=True),
    ]

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self._edit = edit
        self._base = Editable("")  # as it was read
        self._theirs: Editable | None = None
        self._busy = False

    @property
    def console(self) -> Surface:
        return console_of(self)

    def compose(self) -> ComposeResult:
        self._parts = Tabs(self._edit.parts)
        self._parts.put(self._edit.first)
        self._box = TextArea("", soft_wrap=True, id="edit-box", tab_behavior="indent", disabled=True)
        self._box.cursor_blink = False
        self._other = Text(id="edit-theirs")
        with Vertical(id="edit") as frame:
            frame.border_title = readable(self._edit.title).replace("[", "\\[")
            yield self._parts
            yield self._box
            yield self._other
            yield Static("", id="edit-said", markup=False)

    def on_mount(self) -> None:
        self._hint()
        self.action_reload()

    def _hint(self) -> None:
        words = self.console.words
        keys = words("^s saves · ^o your editor · ^r reads again · esc leaves")
        if self._theirs is not None:
            keys = words("^s saves mine · ^t takes theirs · ^g both together · esc leaves")
        elif len(self._edit.parts) > 1:
            keys = f"{words('^n the next one')} · {keys}"
        self.query_one("#edit").border_subtitle = keys

    def _tell(self, text: str, *, bad: bool = False) -> None:
        said = self.query_one("#edit-said", Static)
        said.update(readable(text))
        said.set_class(bad, "-bad")

    # --- what is read

    def action_reload(self) -> None:
        self._read()

    def action_part(self) -> None:
        self._parts.put("next")
        self._read()

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self._parts.put(event.name)
        self._read()

    @work(group="edit", exclusive=True)
    async def _read(self) -> None:
        try:
            self._base = await self._edit.read(self._parts.chosen)
        except MindBotError as error:
            self._tell(str(error), bad=True)
            return
        self._put(self._base.text)
        self._settle("")

    def _put(self, text: str) -> None:
        self._box.load_text(text)
        self._box.move_cursor(self._box.document.end)
        self._box.disabled = False
        self._box.focus()

    def _settle(self, said: str) -> None:
        """There is one text again."""
        self._theirs = None
        self._other.display = False
        self._tell(said)
        self._hint()

    # --- what is saved

    def action_save(self) -> None:
        if not self._busy and not self._box.disabled:
            self._busy = True
            self._save()

    @work(group="save")
    async def _save(self) -> None:
        part, mine = self._parts.chosen, replace(self._base, text=self._box.text)
        try:
            await self._edit.write(part, mine)
        except Conflict as error:
            await self._collide(part, error)
        except MindBotError as error:
            self._tell(str(error), bad=True)
        else:
            self.dismiss(None)
            self._edit.done()
        finally:
            self._busy = False

    async def _collide(self, part: str, error: Conflict) -> None:
        """Show what somebody else has saved; where nobody has, the refusal was another."""
        try:
            found = await self._edit.read(part)
        except MindBotError:
            self._tell(str(error), bad=True)
            return
        if found.revision == self._base.revision:
            self._tell(str(error), bad=True)
            return
        if found.text == self._base.text:  # they changed another part
            self._base = found
            self._tell(self.console.words("something else was changed meanwhile; ^s saves this"))
            return
        self._theirs = found
        self._other.put(found.text)
        self._other.display = True
        self._tell(self.console.words("somebody else has changed it: theirs is below"), bad=True)
        self._hint()
        self._merged = merge(self._base.text, self._box.text, found.text)
        self._base = found  # what is saved now is put over theirs

    def action_theirs(self) -> None:
        if self._theirs is not None:
            self._put(self._theirs.text)
            self._settle("")

    def action_merge(self) -> None:
        if self._theirs is None:
            return
        text, apart = self._merged
        words = self.console.words
        self._put(text)
        self._settle("" if apart else words("both changed the same lines: choose between the marks"))

    # --- elsewhere

    def action_outside(self) -> None:
        if not self._box.disabled:
            self._outside()

    @work(group="outside", exclusive=True)
    async def _outside(self) -> None:
        suffix = ".json" if self._base.json else ".txt"
        try:
            found = await self.console.edit_outside(self._box.text, f"edit{suffix}")
        except MindBotError as error:
            self._tell(str(error), bad=True)
            return
        self._put(found if self._box.text.endswith("\n") else found.removesuffix("\n"))

    def action_leave(self) -> None:
        self.dismiss(None)
