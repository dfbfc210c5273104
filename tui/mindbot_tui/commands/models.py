"""Show a provider's models and what they can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mindbot.api import calls
from mindbot.api.provider_models import ModelView
from mindbot.api.shown_providers import can
from mindbot_tui.cells import brief, fit
from mindbot_tui.commands.on_provider import OnProvider
from mindbot_tui.surface import Surface
from mindbot_tui.words import Words

_NAME = 28  # cells


class Models(OnProvider):
    name = "models"
    help = "show the selected provider's models and what they can do; ask: those of its vendor too"
    argument = "[ask]"
    needs = "operator"
    asks = True

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [("ask", console.words("ask its vendor which there are"))]

    async def run(self, console: Surface, argument: str) -> None:
        name, ask, words = self.provider(console).name, argument.strip() == "ask", console.words
        self.called(console, "models", name, *(["--ask"] if ask else []))
        found = await console.api.ask(calls.provider_models_of(name, ask=ask))
        text = "\n".join(_lines(found, words)) or words("no models are configured")
        console.show_page(words("Models of {provider}", provider=brief(name)), text)


def _lines(found: Iterable[ModelView], words: Words) -> Iterator[str]:
    for each in found:
        sign = "●" if each.configured else "○"
        context = words(", up to {n} tokens", n=f"{each.max_context:,}") if each.max_context else ""
        yield f"{sign} {fit(each.name, _NAME)} {can(each, words)}{context}"
