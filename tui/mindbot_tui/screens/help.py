"""The keys of the place one came from, then everything else there is to press and type; Enter runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from mindbot_tui.cells import fit
from mindbot_tui.commands.catalog import COMMANDS, find
from mindbot_tui.keymap import LIST_KEYS, TEXT_KEYS, TEXTS_KEYS, Key, bindings
from mindbot_tui.screens.view import View
from mindbot_tui.surface import Surface
from mindbot_tui.widgets.columns import Column
from mindbot_tui.widgets.offers import OfferInput, Offers
from mindbot_tui.widgets.paint import Piece
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.sources import GivenRows
from mindbot_tui.widgets.text import Text

CONTEXTS = {
    "everywhere": "Everywhere",
    "list": "In lists",
    "filtered": "In lists with a filter",
    "live": "In live lists",
    "text": "In texts",
    "typing": "While typing",
    "flow": "Live turns",
    "turn": "A turn",
    "turns": "On turns",
    "parked": "On parked turns",
    "stopped": "On an open parked turn",
    "debugger": "Debugger",
    "breakpoints": "Breakpoints",
    "diff": "Diff",
    "jury": "Jury",
    "platforms": "Platforms",
    "sessions": "Sessions",
    "conversation": "A conversation",
    "dead": "Dead letters",
    "config": "Configuration",
    "logs": "Logs",
    "providers": "Providers",
    "workflows": "Workflows",
    "routes": "Routes",
    "events": "Events",
    "bundles": "Failures",
    "queue": "Queue",
    "metrics": "Metrics",
    "bus": "Bus",
    "diagram": "Diagram",
    "database": "Database",
    "api": "API",
    "help": "Help",
}
#: Keys that are no commands, by context.
OWN_KEYS = {"list": LIST_KEYS, "text": TEXTS_KEYS, "typing": TEXT_KEYS}
_KEYS, _COMMANDS = 14, 42  # cells before what an entry says


@dataclass(frozen=True, slots=True)
class HelpEntry:
    """A line: ``run`` is the command line it stands for, ``off`` why that cannot be done there and now;
    a heading has no keys."""

    keys: str
    help: str
    run: str = ""
    off: str = ""
    wide: int = _KEYS

    @property
    def heading(self) -> bool:
        return not self.keys

    def holds(self, text: str) -> bool:
        return all(word in f"{self.keys} {self.help}".casefold() for word in text.casefold().split())


class Help(View):
    view: ClassVar[str] = "help"
    heading: ClassVar[str] = "Help"
    contexts: ClassVar[tuple[str, ...]] = ("help", "list")
    BINDINGS = bindings("help", "list")  # type: ignore[assignment]

    def body(self) -> ComposeResult:
        self._source: GivenRows[HelpEntry] = GivenRows()
        self._rows: Rows[HelpEntry] = Rows(
            self._source, [Column("", _cell, draw=_drawn)], empty="no key or command says this", titles=False
        )
        self._offers = Offers(id="help-offers")
        self._box = OfferInput(self._offers, lambda text, cursor: (), id="find-key")
        with Horizontal(id="find-key-line"):
            yield Static(" / ", id="find-key-mark")
            yield self._box
        yield self._offers
        yield self._rows

    def on_mount(self) -> None:
        self.speak()
        self.call_after_refresh(self._rows.select, 1)

    @property
    def rows(self) -> Rows[HelpEntry]:
        return self._rows

    @property
    def complete(self) -> bool:
        return True

    def _ask_again(self) -> None:
        """Nothing here changes."""

    # --- looking for an entry

    def write(self) -> bool:
        self.set_focus(self._box)
        return True

    def on_input_changed(self, event: Input.Changed) -> None:
        self._list()
        self._rows.select(1 if event.value.strip() else 0)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.set_focus(self._rows)

    def on_offer_input_left(self, event: OfferInput.Left) -> None:
        self._box.value = ""
        self.set_focus(self._rows)

    # --- running one

    @property
    def turn(self) -> str:
        return self._below.turn

    @property
    def opens(self) -> bool:
        found = self._rows.selected
        return bool(found and found.run)

    async def open(self) -> None:
        """Run the selected entry where the help was asked for."""
        found = self._rows.selected
        if found is None or not found.run:
            return
        await self.console.back()
        command, argument = find(found.run)
        if command and command.argument and not argument and not command.argument.startswith("["):
            self.console.open_prompt(f"{command.name} ")
        else:
            self.console.run_command(found.run)

    def on_rows_opened(self) -> None:
        self.console.run_command("open")

    # --- what there is

    @property
    def _below(self) -> View:
        """The view that the help is about."""
        views = [each for each in self.app.screen_stack if isinstance(each, View) and each is not self]
        return views[-1]

    def speak(self) -> None:
        self._box.placeholder = self.console.words("type what you want to do, or a key")
        self._list()
        super().speak()

    def _list(self) -> None:
        wanted = self._box.value.strip()
        entries: list[HelpEntry] = []
        for heading, found in self._sections():
            kept = [each for each in found if each.holds(wanted)]
            if kept:
                entries += [HelpEntry("", heading), *kept]
        self._source.put(entries)
        self._rows.sync(force=True)

    def _sections(self) -> Iterator[tuple[str, Iterable[HelpEntry]]]:
        words, below = self.console.words, self._below
        here = [context for context in below.contexts if context != "everywhere"]
        here += ["text"] if isinstance(below.focused, Text) else []
        yield words("Here: {view}", view=below.title_text), self._keys(*here)
        yield words("Everywhere"), self._keys("everywhere")
        yield words("Commands, after a colon"), self._commands()
        yield words("Filters"), [HelpEntry(line, "", wide=0) for line in words(FILTERS).split("\n")]
        for context in CONTEXTS:
            if context not in (*here, "everywhere"):
                yield words(CONTEXTS[context]), self._keys(context, off=False)

    def _keys(self, *contexts: str, off: bool = True) -> Iterator[HelpEntry]:
        """Yield the keys of these contexts; those that do the same are one entry."""
        words, known = self.console.words, self.console.keymap.keys
        same: dict[str, list[str]] = {}
        for key in known:
            if key.context in contexts and key.keys:
                same.setdefault(key.command, []).append(key.shown)
        for context in contexts:
            for key in known:
                if key.context == context and key.keys and (shown := same.pop(key.command, [])):
                    off_for = self._off(key) if off else ""
                    yield HelpEntry(" ".join(shown), words(key.help), key.command, off_for)
            for keys, help in OWN_KEYS.get(context, ()):
                yield HelpEntry(keys, words(help))

    def _commands(self) -> Iterator[HelpEntry]:
        for command in COMMANDS.values():
            name = f"{command.name} {command.argument}".strip()
            yield HelpEntry(name, self.console.words(command.help), command.name, wide=_COMMANDS)

    def _off(self, key: Key) -> str:
        """Return why a key does nothing in the view below, as it is now."""
        command, argument = find(key.command)
        seen = cast("Surface", _SeenFrom(self.console, self._below))
        return command.refused(seen, argument) if command else ""


class _SeenFrom:
    """A console with another view in front than the one that is there."""

    def __init__(self, console: Surface, view: View) -> None:
        self._console = console
        self.view = view
        self.turn_view = view if view.view == "turn" else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._console, name)


def _cell(entry: HelpEntry) -> tuple[str, str]:
    return entry.help, "text"


def _drawn(entry: HelpEntry, width: int) -> list[Piece]:
    if entry.heading:
        return [(fit(entry.help, width), "head")]
    wide = min(entry.wide or width - 2, max(width // 3, _KEYS)) if entry.wide else width - 1
    keys: Piece = (fit(f" {entry.keys}", wide + 1), "off" if entry.off else "key" if entry.help else "text")
    said = f"{entry.help} ({entry.off})" if entry.off else entry.help
    return [keys, (fit(f" {said}", width - wide - 1), "off" if entry.off else "text")]


FILTERS = """platform == "wecom" and took > 5s
text =~ "refund|退款" and not state == "answered"
user in [alice, bob] or refund       a bare word searches the text
Tab completes fields, operators and values; `explain` says the filter in words"""
