"""Let a bot prove that it works."""

from __future__ import annotations

from mindbot.api import calls
from mindbot_tui.checks import lines
from mindbot_tui.commands.on_bot import OnBot
from mindbot_tui.surface import Surface


class Test(OnBot):
    name = "test"
    help = "let the selected bot prove that it works, in a real round trip with its platform"

    async def run(self, console: Surface, argument: str) -> None:
        platform, bot = self.bot(console)
        name = f"{platform}/{bot}"
        console.state.called(f"mindbot platform test {name}")
        console.say(console.words("testing {bot} …", bot=name))
        found = await console.api.ask(calls.test_platform(platform, bot))
        console.show_page(console.words("Test of {bot}", bot=name), "\n".join(lines(found, console.words)))
