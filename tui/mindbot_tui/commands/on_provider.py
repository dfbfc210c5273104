"""What can be done about a model provider."""

from __future__ import annotations

import shlex

from mindbot.api import calls
from mindbot.api.provider_models import ProviderView
from mindbot_tui.cells import brief
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class OnProvider(Command):
    """Is about the selected one."""

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.provider else console.words("no provider is selected")

    def provider(self, console: Surface) -> ProviderView:
        """Return it, as it was when the daemon was asked last."""
        assert console.view.provider is not None
        return console.view.provider

    def called(self, console: Surface, verb: str, *words: str) -> None:
        """Show the command line that does the same."""
        console.state.called(shlex.join(["mindbot", "provider", verb, *words]))

    async def switch(self, console: Surface, name: str, *, on: bool, keep: bool = True) -> None:
        """Switch it on or off, say how it is now, and ask again; ``keep`` it to be taken back."""
        self.called(console, "enable" if on else "disable", name)
        found = await console.api.ask(calls.switch_provider(name, on=on))
        state = console.words(found.state)
        console.say(console.words("{provider} is now: {state}", provider=brief(name), state=state))
        console.view.reload()

        async def back() -> bool:
            await self.switch(console, name, on=not on, keep=False)
            return True

        if keep:
            what = console.words("switching {name} on" if on else "switching {name} off", name=brief(name))
            console.state.acts.did(what, back)
