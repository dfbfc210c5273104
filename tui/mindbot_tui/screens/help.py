"""All keys and commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult

from mindbot_tui.cells import fit
from mindbot_tui.commands.catalog import COMMANDS
from mindbot_tui.keymap import KEYS, LIST_KEYS, TEXT_KEYS, bindings
from mindbot_tui.screens.view import View
from mindbot_tui.widgets.paint import Piece
from mindbot_tui.widgets.text import Text

CONTEXTS = {
    "everywhere": "Everywhere",
    "list": "In lists",
    "live": "In live lists",
    "typing": "While typing",
    "flow": "Live turns",
    "turn": "A turn",
    "platforms": "Platforms",
    "sessions": "Sessions",
    "dead": "Dead letters",
    "config": "Configuration",
    "providers": "Providers",
    "workflows": "Workflows",
    "routes": "Routes",
    "events": "Events",
}


class Help(View):
    view: ClassVar[str] = "help"
    heading: ClassVar[str] = "Help"
    contexts: ClassVar[tuple[str, ...]] = ("help",)
    BINDINGS = bindings("help")  # type: ignore[assignment]
    AUTO_FOCUS = "Text"

    def body(self) -> ComposeResult:
        yield Text("\n".join(self._lines()), colour=_colours)

    def speak(self) -> None:
        self.query_one(Text).put("\n".join(self._lines()), colour=_colours)
        super().speak()

    def _ask_again(self) -> None:
        """Nothing here changes."""

    def _lines(self) -> Iterator[str]:
        words = self.console.words
        for context, title in CONTEXTS.items():
            yield words(title)
            for key in KEYS:
                if key.context == context:
                    yield f"  {fit(key.shown, 14)} {words(key.help)}"
            own = {"list": LIST_KEYS, "typing": TEXT_KEYS}.get(context, ())
            yield from (f"  {fit(keys, 14)} {words(help)}" for keys, help in own)
            yield ""
        yield words("Commands, after a colon")
        for command in COMMANDS.values():
            yield f"  {fit(f'{command.name} {command.argument}', 42)} {words(command.help)}"
        yield ""
        yield words("Filters")
        yield from (f"  {line}" for line in words(FILTERS).split("\n"))


def _colours(line: str) -> list[Piece]:
    """Headings and keys stand out."""
    if not line.startswith("  "):
        return [(line, "head")]
    keys, blanks, help = line[2:].partition("   ")
    return [("  " + keys, "key"), (blanks + help, "text")] if help.strip() else [(line, "text")]


FILTERS = """platform == "wecom" and took > 5s
text =~ "refund|退款" and not state == "answered"
user in [alice, bob] or refund       a bare word searches the text
Tab completes fields, operators and values; w explains the filter in words"""
