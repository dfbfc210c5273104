"""Show tokens and money by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from mindbot.api import calls
from mindbot.api.provider_models import SpentView
from mindbot.api.shown_providers import money
from mindbot.domain.spending import Spender
from mindbot_tui.cells import fit
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface
from mindbot_tui.words import Words

_DAYS = 7
_MOST = 1000  # rows, the newest; `mindbot provider usage` shows them all
TITLES = ("DAY", "WHO", "CALLS", "INPUT", "OUTPUT", "COST")
_WIDTHS = (10, 20, 7, 9, 9, 14)


class Usage(Command):
    name = "usage"
    help = "show tokens and money of the last seven days: by provider, model, user, group, bot, workflow"
    argument = "[BY]"
    asks = True

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(by, "") for by in get_args(Spender)]

    async def run(self, console: Surface, argument: str) -> None:
        by, words = argument.strip() or "provider", console.words
        console.state.called(f"mindbot provider usage --by {by} --days {_DAYS}")
        found = await console.api.ask(calls.usage(by, _DAYS, limit=_MOST))
        text = "\n".join(_lines(found, words)) if found else words("nothing was spent")
        console.show_page(words("Spent in {n} days, by {by}", n=_DAYS, by=by), text)


def _lines(found: Sequence[SpentView], words: Words) -> Iterator[str]:
    yield f"── {_line([words(title) for title in TITLES])}"
    for each in found:
        numbers = (each.calls, each.input_tokens, each.output_tokens)
        cells = (each.day, each.who or words("all"), *(f"{n:,}" for n in numbers))
        yield f"   {_line([*cells, money(each.money, each.currency)])}"
    if len(found) == _MOST:
        yield "   …"


def _line(cells: Iterable[str]) -> str:
    sized = zip(cells, _WIDTHS, strict=True)
    return " ".join(fit(cell, width, right=n > 1) for n, (cell, width) in enumerate(sized)).rstrip()
