"""The operator console: an app around its state, a feed and views."""

from __future__ import annotations

import asyncio
import gc
import shlex
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from textual import work
from textual.screen import Screen
from textual.widgets import Input

from mindbot.domain.errors import ConfigError, Forbidden, MindBotError, NotFound
from mindbot_tui import themes
from mindbot_tui.cells import readable
from mindbot_tui.commands import catalog
from mindbot_tui.commands.catalog import find
from mindbot_tui.daemon import Daemon
from mindbot_tui.feed import Feed
from mindbot_tui.keymap import Keymap, bindings
from mindbot_tui.leaving import Leaving
from mindbot_tui.places import Places
from mindbot_tui.screens.flow import Flow
from mindbot_tui.screens.view import View
from mindbot_tui.state.console import ConsoleState
from mindbot_tui.state.history import Layer, Way
from mindbot_tui.terminal import lasting, pace_of
from mindbot_tui.toasts import Toasts
from mindbot_tui.widgets.columns import WIDE
from mindbot_tui.words import Words

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.driver import Driver

    from mindbot_tui.screens.page import Page
    from mindbot_tui.screens.turn import TurnScreen
    from mindbot_tui.state.forms import Edit, Form
    from mindbot_tui.widgets.text import Text

FPS = 10
_SAID = 600  # characters of a short word
LOW = 18  # lines under which the frame gives way


class Console(Leaving):
    """Draws its state; one timer brings the visible widgets up to date."""

    CSS_PATH = "console.tcss"
    TITLE = "MindBot"
    ENABLE_COMMAND_PALETTE = False  # Textual's; ours is a command like others
    BINDINGS = bindings()  # type: ignore[assignment]

    def __init__(
        self,
        api: Daemon,
        *,
        language: str = "en",
        theme: str = themes.DARK,
        environment: str = "",
        loud: str = "",
        host: str = "",
        readonly: bool = False,
        fps: float = FPS,
        keymap: Keymap | None = None,
        keymap_path: str = "",
        clock: Callable[[], float] = time.time,
        begins: Sequence[str] = (),
    ) -> None:
        self._loud = loud  # the name of the frame's colour; the theme's own when empty
        super().__init__()
        self.animation_level = "none"  # each step of one is a frame, also on a slow line
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (LOW, "-high")]
        self.api = api
        self.words = Words(language)
        self.state = ConsoleState(clock)
        self.state.readonly = readonly
        self.environment = environment
        self.host = host
        self.keymap = keymap or Keymap()
        self.keymap_path = keymap_path
        self._fps = fps
        self._begins = list(begins)  # command lines for when the turns are there
        self.feed = Feed(self.state, api)
        self.flow = Flow()
        self._places = Places(self, self.flow)
        self._toasts = Toasts(self)
        self.filters_used: deque[str] = deque(maxlen=50)
        self._prompted: list[str] = []
        self._searched: list[str] = []
        for each in themes.themes():
            self.register_theme(each)
        self.theme = theme

    def get_css_variables(self) -> dict[str, str]:
        """Add the colours of the frame, which no theme takes from a machine that is to be loud."""
        variables = super().get_css_variables()
        return {**variables, **themes.frame_of(variables, self._loud)}

    # --- life

    def get_driver_class(self) -> type[Driver]:
        return lasting(super().get_driver_class())

    def get_default_screen(self) -> Screen[None]:
        return self.flow

    def on_mount(self) -> None:
        self.set_keymap(self.keymap.textual)
        for key in self.keymap.own:
            self.bind(key.keys, f"command({key.command!r})", show=False)
        if self.keymap.problems:
            self.show_page(self.keymap.path, "\n".join(self.keymap.problems))
        self.set_class(self.no_color, "-no-color")
        self._feed()
        self.set_interval(1 / self._fps, self._sync)
        self.call_after_refresh(_freeze)

    @work(group="feed")
    async def _feed(self) -> None:
        await self.feed.run()

    async def on_unmount(self) -> None:
        await self.api.aclose()

    def _sync(self) -> None:
        self._toasts.sync()
        pace = pace_of(self._driver)
        if self._begins and self.state.listed:
            self.run_command(self._begins.pop(0))  # one after the other has been drawn
        if not self.view.is_mounted or (pace and pace.holding):
            return
        if pace and pace.rests:
            self.view.sync_lines()
        else:
            self.view.sync()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Draw; what cannot be drawn now, because a frame is on its way, is drawn after it."""
        pace = pace_of(self._driver)
        if pace and pace.holding and renderable is not None:
            pace.missed = True
            return
        super()._display(screen, renderable)

    # --- where one is

    @property
    def view(self) -> View:
        """The topmost view, under any question or prompt."""
        return self._places.view

    @property
    def _front(self) -> View | Page:
        """The page in front of the view, or the view."""
        from mindbot_tui.screens.page import Page

        screens = (screen for screen in reversed(self.screen_stack) if isinstance(screen, View | Page))
        return next(screens, self.flow)

    @property
    def text(self) -> Text | None:
        return self._front.text

    @property
    def text_name(self) -> str:
        return self._front.text_name

    @property
    def turn_view(self) -> TurnScreen | None:
        """The open turn, where one is in front."""
        view = self.view
        return view if view.view == "turn" else None  # type: ignore[return-value]

    @property
    def crumbs(self) -> list[str]:
        return [view.title_text for view in self._places.views]

    async def go(self, name: str) -> None:
        """Show a view in place of the one that is open; the live list stays at the bottom."""
        await self._places.show(() if name == "flow" else (Layer(name),))
        self._sync()

    async def open_help(self) -> None:
        """Show the keys of this place over it."""
        if self.view.view != "help":
            await self._open(Layer("help"))

    async def show_flow(self) -> Flow:
        await self.go("flow")
        return self.flow

    async def open_turn(self, id: str, *, instead: bool = False) -> None:
        """Open a turn, in place of the one that is open; ``instead``: in the history too."""
        self.state.called(f"mindbot trace {id}")
        await self._open(Layer("turn", id), instead=instead)

    async def open_provider(self, name: str) -> None:
        """Open a model provider, in place of the one that is open."""
        self.state.called(shlex.join(["mindbot", "provider", "show", name]))
        await self._open(Layer("provider", name))

    async def open_workflow(self, name: str) -> None:
        """Open a workflow, in place of the one that is open."""
        self.state.called(shlex.join(["mindbot", "workflow", "show", name]))
        await self._open(Layer("workflow", name))

    async def open_bundle(self, id: str) -> None:
        """Open the people of failures that have one cause."""
        await self._open(Layer("bundle", id))

    async def open_subject(self, view: str, subject: str) -> None:
        """Open a view of one thing by their names, in place of one of its kind that is open."""
        await self._open(Layer(view, subject))

    async def _open(self, step: Layer, *, instead: bool = False) -> None:
        await self._places.open(step, instead=instead)
        self._sync()

    async def back(self) -> None:
        if self.view.maximized is not None:
            self.view.minimize()
            return
        await self._places.back()
        self._sync()

    def can_travel(self, way: Way) -> bool:
        """Whether the history holds a place there."""
        return self._places.ahead(way) is not None

    async def travel(self, way: Way) -> None:
        """Go there, to what was selected then."""
        await self._places.travel(way)
        self._sync()

    # --- commands

    async def action_command(self, line: str) -> None:
        """Run a command line of the console's own language."""
        command, argument = find(line)
        if command is None:
            self.say(
                self.words("no command {what}; press : and Tab for a list", what=line.split(" ")[0]), "warn"
            )
            return
        if why := command.refused(self, argument):
            self._refuse(why, typing=command.types and not argument)
            return
        work = self._guarded(command.name, argument)
        if command.asks:
            self.run_worker(work, group="command")
        else:
            await work

    def _refuse(self, why: str, *, typing: bool) -> None:
        if not typing:
            self.say(why, "warn")
            return
        from mindbot_tui.screens.refused import Refused

        self.push_screen(Refused(why))

    async def _guarded(self, name: str, argument: str) -> None:
        try:
            await catalog.COMMANDS[name].run(self, argument)
        except MindBotError as error:
            if isinstance(error, Forbidden):
                self.feed.status_again()
            self.state.note("bad", "{error}", error=error)
            if isinstance(error, ConfigError) and error.problems:
                self.show_page(error.message, "\n".join(error.problems))
            else:
                self.say(str(error), "bad")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are commands only in a view or on a page, and not while something is typed."""
        if action == "command":
            front = self._front
            if front is not self.screen or isinstance(self.focused, Input):
                return False
            return isinstance(front, View) or str(parameters[0]).partition(" ")[0] in front.commands
        return super().check_action(action, parameters)

    def run_command(self, line: str) -> None:
        """Run a command line after what is being done now."""
        self.call_later(self.action_command, line)

    def open_prompt(self, begun: str = "") -> None:
        """Ask for a command line and run it."""
        from mindbot_tui.screens.prompt import Prompt

        async def run(line: str | None) -> None:
            if line:
                self._prompted.append(line)
                await self.action_command(line)

        self.push_screen(Prompt(begun, self._prompted), run)

    def search_text(self) -> None:
        """Let the reader type what is searched for in the text in front."""
        from mindbot_tui.screens.search import SearchLine

        def done(words: str | None) -> None:
            if words:
                self._searched.append(words)

        if self.text is not None:
            self.push_screen(SearchLine(self.text, self._searched), done)

    def open_palette(self) -> None:
        """Let the reader find a command by its name or its help."""
        from mindbot_tui.palette import Palette

        self.push_screen(Palette())

    async def confirm(self, question: str) -> bool:
        """Ask before something is done that is hard to undo. Only in a worker."""
        from mindbot_tui.screens.confirm import Confirm

        return await self.push_screen_wait(Confirm(_shortened(question)))

    def fill_in(self, form: Form) -> None:
        """Let the reader fill in a form; it stays open until what it does is done."""
        from mindbot_tui.screens.form import FormScreen

        self.push_screen(FormScreen(form))

    def edit(self, edit: Edit) -> None:
        """Let the reader change a text that others may change as well."""
        from mindbot_tui.screens.edit import EditScreen

        self.push_screen(EditScreen(edit))

    def show_page(self, title: str, text: str, *, json: bool = False) -> Page:
        """Show a text in front of the view, until it is closed; ``json`` has it coloured as such."""
        from mindbot_tui.screens.page import Page

        page = Page(title, text, json=json)
        self.push_screen(page)
        return page

    def say(self, text: str, kind: Literal["ok", "warn", "bad"] = "ok") -> None:
        """Show a short word; what is longer is cut."""
        severity = {"ok": "information", "warn": "warning", "bad": "error"}[kind]
        self.notify(_shortened(text), severity=severity, timeout=4, markup=False)  # type: ignore[arg-type]

    def list_again(self) -> None:
        """Read the turns from the daemon again."""
        self.feed.list_again()

    @property
    def theme_names(self) -> list[str]:
        return list(self.available_themes)

    def use_theme(self, name: str) -> None:
        """Change the colours; raises NotFound."""
        if name not in self.available_themes:
            raise NotFound(f"no theme {name!r}", hint=", ".join(sorted(self.available_themes)))
        self.theme = name

    def used_filter(self, text: str) -> None:
        """Keep a filter for the prompt, and show the command that lists the same."""
        self.state.called(f"mindbot turns {shlex.quote(text)}" if text else "mindbot turns")
        if text:
            self.filters_used.append(text)

    def speak(self, language: str) -> None:
        """Change the language, everywhere at once."""
        self.words = Words(language)
        for screen in self.screen_stack:
            if isinstance(screen, View):
                screen.speak()


def _shortened(text: str) -> str:
    """Return what fits in front of a view, without what drives terminals: Textual lets that through."""
    return readable(text if len(text) <= _SAID else f"{text[:_SAID]}…")


async def _freeze() -> None:
    """What has been imported stays: the collector need not look at it again."""
    await asyncio.sleep(0)
    gc.collect()
    gc.freeze()
