"""What every view has: the frame, its keys, and a way to be brought up to date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from mindbot.api.failure_models import BundleView
from mindbot.api.provider_models import ProviderView
from mindbot.api.workflow_models import LearnedView, WorkflowView
from mindbot.domain.errors import MindBotError
from mindbot.filters.fields import FieldSet
from mindbot_tui.cells import clock
from mindbot_tui.keymap import Key
from mindbot_tui.surface import Surface, console_of
from mindbot_tui.widgets.frame import Banner, CallLine, Crumbs, Hints, StatusBar
from mindbot_tui.widgets.line import Line
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.text import Text

REFRESH = 5.0  # seconds between questions of views that events do not keep up to date


class View(Screen[None]):
    """A full screen. Subclasses bring `body`, and say what is selected."""

    view: ClassVar[str] = ""
    heading: ClassVar[str] = ""
    contexts: ClassVar[tuple[str, ...]] = ()
    AUTO_FOCUS = "Rows"
    ALLOW_IN_MAXIMIZED_VIEW = "StatusBar, Hints"
    every: ClassVar[float] = REFRESH
    #: Widgets show themselves where the keys go; Textual's own would draw the whole screen again with each.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self._asked = -1e9
        self._changes = -1
        self._wanted = False
        self._asking = False
        self._loaded = False
        self._second = 0
        self._sought = ""  # what is to be selected as soon as it is there
        self._why_not = ""  # it could not be loaded
        self._as_of = 0.0  # when the daemon was asked that last answered
        self._drawn = False

    @property
    def console(self) -> Surface:
        return console_of(self)

    @property
    def title_text(self) -> str:
        return self.console.words(self.heading)

    @property
    def keys(self) -> Sequence[Key]:
        return list(self.console.keymap.of(*self.contexts))

    # --- what is selected here

    @property
    def rows(self) -> Rows[Any] | None:
        """The list that keys are about."""
        return None

    @property
    def turn(self) -> str:
        """The id of the selected turn; empty when there is none."""
        return ""

    @property
    def dead_letter(self) -> str:
        """The id of the selected dead letter; empty when there is none."""
        return ""

    @property
    def session(self) -> str:
        """The selected conversation; empty when there is none."""
        return ""

    @property
    def transferable(self) -> bool:
        """Whether the selected conversation can be handed to people."""
        return False

    @property
    def bot(self) -> tuple[str, str] | None:
        """The selected bot: its platform and name."""
        return None

    @property
    def bot_state(self) -> str:
        """How the selected bot is."""
        return ""

    @property
    def provider(self) -> ProviderView | None:
        """The selected model provider."""
        return None

    @property
    def workflow(self) -> WorkflowView | None:
        """The selected workflow."""
        return None

    @property
    def bundle(self) -> BundleView | None:
        """The selected failures of one cause."""
        return None

    @property
    def correction(self) -> LearnedView | None:
        """The selected correction of the router."""
        return None

    @property
    def dead_letters(self) -> Sequence[str]:
        """The ids of the marked dead letters, or of the selected one."""
        return ()

    @property
    def delivery(self) -> str:
        """The id of the selected delivery that is not ended; empty when there is none."""
        return ""

    @property
    def logger(self) -> str:
        """The logger that wrote the selected line; empty when there is none."""
        return ""

    #: Whether it has times to jump to.
    jumps: bool = False

    def jump(self, at: float) -> None:
        """Go to what happened at a time, in Unix seconds."""

    @property
    def filter_fields(self) -> FieldSet | None:
        """What the filter of its list may name; None where it has none."""
        return None

    @property
    def filter(self) -> str:
        """The filter in force."""
        return ""

    def set_filter(self, text: str) -> None:
        """Show what a filter lets through; a wrong one is shown with its mistake."""

    def edit_filter(self) -> None:
        """Put the cursor into the filter."""

    def values(self) -> Mapping[str, Iterable[str]]:
        """Return values for the filter to offer, by field."""
        return {}

    #: The names of its lists, where it has several.
    tabs: Sequence[str] = ()

    def show_tab(self, name: str) -> None:
        """Show a list by its name, or the ``next`` or ``previous`` one."""

    def write(self) -> bool:
        """Put the cursor into the view's box; False where it has none."""
        return False

    @property
    def opens(self) -> bool:
        """Whether there is a line that `open` opens."""
        return bool(self.turn)

    async def open(self) -> None:
        """Open the selected line."""
        await self.console.open_turn(self.turn)

    @property
    def copies(self) -> str:
        """What the copy key takes."""
        return self.turn

    @property
    def subject(self) -> str:
        """The one thing that the view is about; empty for lists."""
        return ""

    @property
    def spot(self) -> str:
        """What is selected, in words that find it again in another view of the same."""
        return ""

    def seek(self, spot: str) -> None:
        """Select what `spot` told of, as soon as it is there."""
        self._sought = spot

    def reach(self, spot: str) -> None:
        """Select what `spot` told of, where it is still there."""

    @property
    def text(self) -> Text | None:
        """The text that the view is about: it is searched, copied, written and opened elsewhere."""
        return None

    @property
    def text_name(self) -> str:
        """What a file with that text is called."""
        return self.view

    def maximise(self) -> None:
        """Show only the pane that is in use, or all again."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused, container=False)

    @property
    def can_go_back(self) -> bool:
        return self.maximized is not None or len(self.app.screen_stack) > 1

    # --- drawing

    def compose(self) -> ComposeResult:
        yield Crumbs()
        yield Banner()
        yield from self.body()
        yield CallLine()
        yield StatusBar()
        yield Hints(self.keys)

    def body(self) -> ComposeResult:
        """Yield what stands inside the frame."""
        raise NotImplementedError

    def on_descendant_focus(self) -> None:
        """The hints tell at once, in the same frame, what keys do where one is now."""
        if self._drawn:
            self.sync_lines()

    def sync_lines(self) -> None:
        """Bring the frame up to date, which keys change: it is small."""
        for line in self.query(Line):
            line.sync()

    def sync(self) -> None:
        """Bring what is seen up to date; called by the app's one timer."""
        self.sync_lines()
        # A screen that is held was there before: a view that has just been opened is drawn first.
        held = self.console.state.paused
        if held and self._drawn:
            return
        self._drawn = self.complete
        if self.rows is not None:
            self.rows.sync()
        if self._sought and self.complete:
            spot, self._sought = self._sought, ""
            self.reach(spot)
        if not (held and self._drawn):
            self._ask_again()
        if (second := int(self.console.state.clock())) != self._second:
            self._second = second
            self.tick()

    def tick(self) -> None:
        """Another second has begun: times that run on are told again."""

    @property
    def complete(self) -> bool:
        """Whether there is all to draw that the view is about."""
        return self._loaded

    def _await(self, rows: Rows[Any]) -> None:
        """Say in an empty list whether there is nothing, or what is waited for, or why it did not come."""
        if self._loaded and not self._why_not:
            said = self.nothing()
        elif self.console.state.link.phase == "detached":
            said = self.console.words("no daemon is attached")
        else:
            said = self._why_not or "asking the daemon …"
        if rows.empty != said:
            rows.empty = said
            rows.refresh()

    @property
    def stale(self) -> str:
        """Of when that is what is shown, and why; empty where it is kept up to date."""
        if not self._as_of:
            return ""
        words, time = self.console.words, clock(self._as_of)
        if self.console.state.link.phase == "detached":
            return words("as of {time}", time=time)
        return self._why_not and words("as of {time}: cannot ask: {reason}", time=time, reason=self._why_not)

    def nothing(self) -> str:
        """Return what an empty list says when the daemon has been asked."""
        return ""

    def speak(self) -> None:
        """The language has changed."""
        self.refresh(layout=True)
        for widget in self.query("*"):
            widget.refresh()

    # --- asking the daemon

    async def load(self) -> None:
        """Ask the daemon for what is shown; raises MindBotError."""

    def reload(self) -> None:
        """Ask again, now."""
        self._asked = self.console.state.clock()
        self._changes = self.console.state.changes
        self._wanted = True
        if not self._asking:
            self._asking = True
            self._load()

    def _ask_again(self) -> None:
        state = self.console.state
        late = state.clock() - self._asked > self.every
        if state.link.attached and not self._asking and (late or self._changes != state.changes):
            self.reload()

    @work(group="load")
    async def _load(self) -> None:
        """Load, and again when that was wanted meanwhile."""
        try:
            while self._wanted:
                self._wanted, asked = False, self.console.state.clock()
                await self.load()
                self._loaded, self._why_not, self._as_of = True, "", asked
        except MindBotError as error:
            known, self._why_not = self._why_not, str(error)
            if self._why_not != known:  # it is said once, and stays in sight
                self.console.state.note("bad", "{error}", error=error)
                if self.console.state.link.attached:
                    self.console.say(str(error), "bad")
        finally:
            self._asking = False
