"""Take a turn elsewhere."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from mindbot.api import calls
from mindbot.api.exported import exported, suffix
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class ExportTurn(Command):
    name = "export"
    help = "the turn as JSON, its model's call as curl, or a report in Markdown; on a page, or in a file"
    argument = "json|curl|markdown|otlp [FILE]"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.turn else console.words("no turn is selected")

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        words = console.words
        return [
            ("json", words("all that is known of it")),
            ("curl", words("its model's call; $API_KEY stands for the key")),
            ("markdown", words("a report")),
            ("otlp", words("a trace of OpenTelemetry")),
        ]

    async def run(self, console: Surface, argument: str) -> None:
        form, _, file = argument.strip().partition(" ")
        id = console.view.turn
        if not form:
            console.open_prompt("export ")
            return
        line = ["mindbot", "export", id, "--as", form, *(["--output", file] if file else [])]
        text = exported(await console.api.ask(calls.turn(id)), form)
        console.state.called(shlex.join(line))
        if file:
            await console.save(text, file.strip(), given=True)
        else:
            title = f"turn-{id}{suffix(form)}"
            console.show_page(title, text, json=form in ("json", "otlp"))
