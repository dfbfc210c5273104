"""Write a question to the database."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Ask(Command):
    name = "ask"
    help = "write a question in SQL"
    types = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if console.view.view != "database":
            return console.words("questions in SQL are written in :database")
        role = console.state.role
        if not console.state.has("admin"):  # it changes nothing, and shows everything
            return console.words("this needs the role {needs}, you are {role}", needs="admin", role=role)
        return ""

    async def run(self, console: Surface, argument: str) -> None:
        console.view.write()
