"""Use other colours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mindbot.domain.errors import NotFound
from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Theme(Command):
    name = "theme"
    help = "use other colours"
    argument = "NAME"

    def offers(self, console: Console) -> Iterable[tuple[str, str]]:
        return [(name, "") for name in sorted(console.available_themes, key=_ours_first)]

    async def run(self, console: Console, argument: str) -> None:
        name = argument.strip()
        if name not in console.available_themes:
            raise NotFound(f"no theme {name!r}", hint=", ".join(sorted(console.available_themes)))
        console.theme = name


def _ours_first(name: str) -> tuple[bool, str]:
    return not name.startswith(("mindbot", "production")), name
