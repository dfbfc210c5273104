"""A text as it is, or as it is meant to look."""

from __future__ import annotations

from mindbot_tui.commands.on_text import OnText
from mindbot_tui.surface import Surface


class Render(OnText):
    name = "render"
    help = "the text as it is, or as it is meant to look: JSON set out, Markdown without its marks"

    async def run(self, console: Surface, argument: str) -> None:
        text = self.text(console)
        text.render_as(rendered=not text.rendered)
