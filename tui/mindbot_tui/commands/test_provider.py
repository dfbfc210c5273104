"""Let a model provider prove that it works."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.api import calls
from mindbot.api.shown_providers import CHECKS
from mindbot.domain.errors import MindBotError
from mindbot_tui.cells import brief
from mindbot_tui.checks import lines
from mindbot_tui.commands.on_provider import OnProvider
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
        steps = "\n".join(f"◌ {words(step)}" for step in CHECKS)
        note = words("Asking it really, one thing after the other: a few hundred tokens.")
        page = console.show_page(title, f"{note}\n\n{steps}")
        try:
            found = await console.api.ask(calls.test_provider(name, model))
        except MindBotError as error:
            page.put(words("nothing was found out: {why}", why=error))
            raise
        if page.open:
            page.put("\n".join(lines(found, words)))
            return
        failed = [each for each in found if each.state == "failed"]
        said = f"{title}: {'; '.join(lines(failed or found, words))}"
        console.say(brief(said, 200), "bad" if failed else "ok")
