"""Speak another language."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.domain.errors import NotFound
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface
from mindbot_tui.words import LANGUAGES


class Lang(Command):
    name = "lang"
    help = "speak English or Chinese"
    argument = "en|zh"

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return LANGUAGES.items()

    async def run(self, console: Surface, argument: str) -> None:
        other = "en" if console.words.language == "zh" else "zh"
        wanted = argument.strip().lower() or other
        if wanted not in LANGUAGES:
            raise NotFound(f"no language {wanted!r}", hint="en, zh")
        console.speak(wanted)
