"""Mark lines, to act on all of them at once."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface

MARKED = {
    "all": "all lines that are shown, or none where all are marked",
    "none": "mark nothing any more",
    "up": "the selected line and the one above",
    "down": "the selected line and the one below",
}


class Mark(Command):
    name = "mark"
    help = "mark the selected line, or unmark it; what acts on lines then acts on all marked ones"
    argument = "[all|none|up|down]"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        rows = console.view.rows
        if rows is None or not rows.marks.possible:
            return console.words("lines cannot be marked here")
        return "" if rows.cursor >= 0 or argument == "none" else console.words("nothing is selected")

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(way, console.words(help)) for way, help in MARKED.items()]

    async def run(self, console: Surface, argument: str) -> None:
        rows = console.view.rows
        assert rows is not None
        if argument == "all":
            rows.mark_all()
        elif argument == "none":
            rows.unmark()
        else:
            rows.mark({"up": -1, "down": 1}.get(argument, 0))
