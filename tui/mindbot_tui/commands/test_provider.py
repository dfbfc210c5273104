"""Let a model provider prove that it works."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.api import calls
from mindbot.api.shown_providers import CHECKS
from mindbot_tui.cells import brief
from mindbot_tui.commands.on_provider import OnProvider
from mindbot_tui.commands.proving import prove
from mindbot_tui.surface import Surface


class TestProvider(OnProvider):
    name = "test-provider"
    help = "ask the selected provider really: an answer, a stream, a tool, a picture; it costs tokens"
    argument = "[MODEL]"
    needs = "operator"
    asks = True

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        found = console.view.provider
        return [(model, "") for model in found.models] if found else ()

    async def run(self, console: Surface, argument: str) -> None:
        name, model, words = self.provider(console).name, argument.strip(), console.words
        self.called(console, "test", name, *(["--model", model] if model else []))
        title = words("Test of {provider}", provider=brief(f"{name} {model}".strip()))
        note = words("Asking it really, one thing after the other: a few hundred tokens.")
        await prove(console, title, note, CHECKS, calls.test_provider(name, model))
