"""The command palette: every command by its name and its help; those that are off say why."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.widgets import Input

from mindbot_tui.commands.base import Command
from mindbot_tui.commands.catalog import COMMANDS
from mindbot_tui.surface import Surface, console_of


class Palette(CommandPalette):
    """Textual's, with our commands alone."""

    def __init__(self) -> None:
        super().__init__([PaletteCommands])

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False  # as in our own inputs: on a slow line every byte counts


class PaletteCommands(Provider):
    """Offers what the prompt offers."""

    @property
    def console(self) -> Surface:
        return console_of(self)

    def _offers(self) -> Iterator[tuple[Command, str, str]]:
        """Yield each command with its title and its help."""
        words = self.console.words
        keys = {key.command: key.first for key in reversed(self.console.keymap.keys) if key.keys}
        for command in COMMANDS.values():
            if command.name in ("palette", "prompt"):
                continue
            why = command.refused(self.console)
            key = f"  [{keys[command.name]}]" if command.name in keys else ""
            title = f"{command.name}{key}"
            yield command, title.replace("[", "\\["), why or words(command.help)

    async def discover(self) -> Hits:
        for command, title, help in self._offers():
            yield DiscoveryHit(title, partial(self._run, command), command.name, help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        wanted = query.strip().casefold()
        for command, title, help in self._offers():
            told = (
                matcher.match(help) * 0.8 if wanted in help.casefold() else 0
            )  # letters here and there are none
            score = max(matcher.match(command.name), told)
            if score > 0:
                yield Hit(score, title, partial(self._run, command), command.name, help)

    async def _run(self, command: Command) -> None:
        """Run it, or let the reader type its argument first."""
        if command.argument and not command.argument.startswith("["):
            self.console.open_prompt(f"{command.name} ")
        else:
            self.console.run_command(command.name)
