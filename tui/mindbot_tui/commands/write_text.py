"""Write a text to a file."""

from __future__ import annotations

from mindbot_tui.commands.on_text import OnText
from mindbot_tui.surface import Surface


class WriteText(OnText):
    name = "write-text"
    help = "write the whole text to a file; one that exists stays as it is"
    argument = "[FILE]"
    asks = True

    async def run(self, console: Surface, argument: str) -> None:
        text, name = self.text(console), argument.strip()
        await console.save(text.whole, name or console.text_name + text.suffix, given=bool(name))
