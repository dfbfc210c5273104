"""Sort a list that is not live by one of its columns."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.domain.errors import NotFound
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Sort(Command):
    name = "sort"
    help = "sort the list by its next column, by one of these, or turn the order"
    argument = "[COLUMN|reverse|none]"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        rows = console.view.rows
        if rows is None or not rows.sorts:
            return console.words("this list has an order of its own")
        turns = argument == "reverse" and not rows.sorted
        return console.words("it is not sorted by a column: o does that") if turns else ""

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        rows = console.view.rows
        titles = rows.titles if rows is not None and rows.sorts else ()
        return [*((title.lower(), "") for title in titles), ("reverse", ""), ("none", "")]

    async def run(self, console: Surface, argument: str) -> None:
        rows = console.view.rows
        assert rows is not None
        if not argument:
            rows.sort_next()
        elif argument == "none":
            rows.sort("")
        elif argument == "reverse":
            rows.sort(rows.sorted, down=not rows.down)
        else:
            title = next((title for title in rows.titles if title.lower() == argument.lower()), "")
            if not title:
                raise NotFound(f"no column {argument!r}", hint=", ".join(map(str.lower, rows.titles)))
            rows.sort(title)
