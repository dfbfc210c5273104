"""Let the daemon read its configuration again."""

from __future__ import annotations

from mindbot.api import calls
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Reload(Command):
    name = "reload"
    help = "let the daemon read its configuration again; a bad one changes nothing"
    needs = "admin"
    asks = True

    async def run(self, console: Surface, argument: str) -> None:
        console.state.called("mindbot daemon reload")
        done = await console.api.ask(calls.reload())
        console.say(console.words("generation {n} is in use", n=done.generation))
        for warning in done.warnings:
            console.state.note("warn", "{warning}", warning=warning)
        if done.restart:
            console.say(console.words("only a restart applies: {what}", what=", ".join(done.restart)), "warn")
