"""Use other colours."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class UseTheme(Command):
    name = "theme"
    help = "use other colours"
    argument = "NAME"

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(name, "") for name in sorted(console.theme_names, key=_ours_first)]

    async def run(self, console: Surface, argument: str) -> None:
        console.use_theme(argument.strip())


def _ours_first(name: str) -> tuple[bool, str]:
    return not name.startswith("mindbot"), name
