"""Let a bot prove that it works."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mindbot.api import calls
from mindbot.api.models import PlatformCheck
from mindbot_tui.commands.on_bot import OnBot
from mindbot_tui.surface import Surface

if TYPE_CHECKING:
    from mindbot_tui.words import Words

_SIGNS = {"ok": "✓", "failed": "✗", "skipped": "○"}


class Test(OnBot):
    name = "test"
    help = "let the selected bot prove that it works, in a real round trip with its platform"

    async def run(self, console: Surface, argument: str) -> None:
        platform, bot = self.bot(console)
        name = f"{platform}/{bot}"
        console.state.called(f"mindbot platform test {name}")
        console.say(console.words("testing {bot} …", bot=name))
        found = await console.api.ask(calls.test_platform(platform, bot))
        console.show_page(console.words("Test of {bot}", bot=name), "\n".join(_lines(found, console.words)))


def _lines(found: Iterable[PlatformCheck], words: Words) -> Iterator[str]:
    for each in found:
        detail = f": {each.detail}" if each.detail else ""
        yield f"{_SIGNS.get(each.state, '?')} {words(each.name)}{detail}"
        if each.mend:
            yield f"  → {each.mend}"
