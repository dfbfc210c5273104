"""Open a text in another program."""

from __future__ import annotations

from mindbot_tui.commands.on_text import OnText
from mindbot_tui.surface import Surface


class OpenOutside(OnText):
    name = "open-outside"
    help = "open the whole text in $VISUAL, $EDITOR or $PAGER; what is changed there is not kept"
    asks = True

    async def run(self, console: Surface, argument: str) -> None:
        text = self.text(console)
        await console.open_outside(text.whole, console.text_name + text.suffix)
