"""What commands, screens and widgets know of the console they are part of: its state, words and daemon, and
where one is in it.

They are given the console as this, so that none of them imports the app, which is made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol, cast

from mindbot.api.failure_models import BundleView
from mindbot.api.provider_models import ProviderView
from mindbot.api.workflow_models import LearnedView, WorkflowView
from mindbot.filters.fields import FieldSet
from mindbot_tui.daemon import Daemon
from mindbot_tui.fronts import LiveTurns, OpenTurn
from mindbot_tui.fronts import ShownPage as ShownPage
from mindbot_tui.fronts import ShownText as ShownText
from mindbot_tui.keymap import Keymap
from mindbot_tui.listing import Listing
from mindbot_tui.state.console import ConsoleState
from mindbot_tui.state.files import TurnFile
from mindbot_tui.state.forms import Edit, Form
from mindbot_tui.state.history import Way
from mindbot_tui.words import Words


class Front(Protocol):
    """The view in front, and what is selected in it; what is not is empty."""

    @property
    def view(self) -> str:
        """Its name."""

    @property
    def rows(self) -> Listing | None: ...

    @property
    def stale(self) -> str:
        """Of when that is what is shown, and why; empty where it is kept up to date."""

    @property
    def turn(self) -> str:
        """The id of a turn."""

    @property
    def dead_letter(self) -> str:
        """The id of a dead letter."""

    @property
    def dead_letters(self) -> Sequence[str]:
        """The ids of the marked dead letters, or of the selected one."""

    @property
    def delivery(self) -> str:
        """The id of a delivery that is not ended."""

    @property
    def logger(self) -> str:
        """The logger that wrote a line."""

    @property
    def jumps(self) -> bool:
        """Whether it has times to jump to."""

    def jump(self, at: float) -> None:
        """Go to what happened at a time, in Unix seconds."""

    @property
    def filter_fields(self) -> FieldSet | None:
        """What the filter of its list may name; None where it has none."""

    @property
    def filter(self) -> str:
        """The filter in force."""

    def set_filter(self, text: str) -> None:
        """Show what a filter lets through; a wrong one is shown with its mistake."""

    def edit_filter(self) -> None:
        """Put the cursor into the filter."""

    def values(self) -> Mapping[str, Iterable[str]]:
        """Return values for the filter to offer, by field."""

    @property
    def session(self) -> str:
        """A conversation."""

    @property
    def transferable(self) -> bool:
        """Whether that conversation can be handed to people."""

    @property
    def bot(self) -> tuple[str, str] | None:
        """A bot: its platform and name."""

    @property
    def bot_state(self) -> str: ...

    @property
    def provider(self) -> ProviderView | None:
        """A model provider."""

    @property
    def workflow(self) -> WorkflowView | None: ...

    @property
    def bundle(self) -> BundleView | None:
        """Failures of one cause."""

    @property
    def correction(self) -> LearnedView | None:
        """A correction of the router."""

    @property
    def tabs(self) -> Sequence[str]:
        """The names of its lists, where it has several."""

    def show_tab(self, name: str) -> None:
        """Show a list by its name, or the ``next`` or ``previous`` one."""

    def focus_next(self) -> object:
        """Go to the next pane."""

    def write(self) -> bool:
        """Put the cursor into the view's box; False where it has none."""

    @property
    def opens(self) -> bool:
        """Whether there is a line that `open` opens."""

    async def open(self) -> None:
        """Open the selected line."""

    @property
    def copies(self) -> str:
        """What the copy key takes."""

    def maximise(self) -> None:
        """Show only the pane that is in use, or all again."""

    @property
    def can_go_back(self) -> bool: ...

    def seek(self, spot: str) -> None:
        """Select a line by what makes it the same one, as soon as it is there."""

    def reload(self) -> None:
        """Ask the daemon again."""


class Surface(Protocol):
    """The console, seen from what it is made of."""

    words: Words

    @property
    def state(self) -> ConsoleState: ...

    @property
    def api(self) -> Daemon: ...

    @property
    def keymap(self) -> Keymap:
        """The keys in use."""

    @property
    def keymap_path(self) -> str:
        """Where a file of keys is looked for; empty for a reader without a home."""

    @property
    def environment(self) -> str:
        """The word that the frame shouts."""

    @property
    def host(self) -> str: ...

    # --- where one is

    @property
    def view(self) -> Front: ...

    @property
    def flow(self) -> LiveTurns: ...

    @property
    def turn_view(self) -> OpenTurn | None: ...

    @property
    def text(self) -> ShownText | None:
        """The text in front: a page, or what the view is about."""

    @property
    def text_name(self) -> str:
        """What a file with that text is called, without what it ends in."""

    def search_text(self) -> None:
        """Let the reader type what is searched for in that text."""

    @property
    def crumbs(self) -> list[str]:
        """The titles of the views from the first to the one in front."""

    async def go(self, name: str) -> None:
        """Show a view in place of the one that is open."""

    async def open_help(self) -> None:
        """Show the keys of this place over it."""

    async def show_flow(self) -> LiveTurns: ...

    async def open_turn(self, id: str, *, instead: bool = False) -> None:
        """Open a turn, in place of the one that is open; ``instead``: in the history too."""

    async def open_provider(self, name: str) -> None: ...

    async def open_workflow(self, name: str) -> None: ...

    async def open_bundle(self, id: str) -> None: ...

    async def open_subject(self, view: str, subject: str) -> None:
        """Open a view of one thing by their names, in place of one of its kind that is open."""

    async def back(self) -> None: ...

    def can_travel(self, way: Way) -> bool:
        """Whether the history holds a place there."""

    async def travel(self, way: Way) -> None:
        """Go there, to what was selected then."""

    # --- to and fro with the reader

    def run_command(self, line: str) -> None:
        """Run a command line of the console's own language, after what is being done now."""

    def open_prompt(self, begun: str = "") -> None:
        """Ask for a command line and run it."""

    def open_palette(self) -> None: ...

    async def confirm(self, question: str) -> bool:
        """Ask before something is done that is hard to undo. Only in a worker."""

    def show_page(self, title: str, text: str, *, json: bool = False) -> ShownPage:
        """Show a text in front of the view, until it is closed; ``json`` has it coloured as such."""

    def fill_in(self, form: Form) -> None:
        """Let the reader fill in a form; it stays open until what it does is done."""

    def edit(self, edit: Edit) -> None:
        """Let the reader change a text that others may change as well."""

    def say(self, text: str, kind: Literal["ok", "warn", "bad"] = "ok") -> None:
        """Show a short word."""

    def copy(self, text: str) -> None:
        """Put a text on the clipboard, and say so."""

    async def save(self, text: str, name: str, *, given: bool = False) -> None:
        """Write a text to a new file, with a number where there is one of that name; a name that was given
        is left as it is. Raises Invalid."""

    async def save_file(self, file: TurnFile) -> None:
        """Fetch a file of the media store into a new one here; raises MindBotError."""

    async def open_outside(self, text: str, name: str) -> None:
        """Show a text in the reader's own program; raises MindBotError where that cannot be."""

    async def edit_outside(self, text: str, name: str) -> str:
        """Let the reader change a text in their own program, and return it; raises MindBotError where that
        cannot be."""

    def save_screenshot(self, *, path: str | None = None) -> str: ...

    # --- what holds for all of it

    @property
    def filters_used(self) -> Iterable[str]: ...

    def used_filter(self, text: str) -> None:
        """Keep a filter for the prompt, and show the command that lists the same."""

    def list_again(self) -> None:
        """Read the turns from the daemon again."""

    def speak(self, language: str) -> None:
        """Change the language, everywhere at once."""

    @property
    def theme_names(self) -> list[str]: ...

    def use_theme(self, name: str) -> None:
        """Change the colours; raises NotFound."""

    def exit(self) -> None: ...


class _Part(Protocol):
    @property
    def app(self) -> object: ...


def console_of(part: _Part) -> Surface:
    """Return the console that a screen or a widget is part of."""
    return cast("Surface", part.app)
