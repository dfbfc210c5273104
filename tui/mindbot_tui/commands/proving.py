"""A test of something: a page that lists its steps, and then what was found out."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.api.calls import ApiCall
from mindbot.api.models import PlatformCheck
from mindbot.domain.errors import MindBotError
from mindbot_tui.cells import brief
from mindbot_tui.checks import lines
from mindbot_tui.surface import Surface


async def prove(
    console: Surface, title: str, note: str, steps: Iterable[str], call: ApiCall[list[PlatformCheck]]
) -> None:
    """Show the test while it goes on and what came of it; in passing, where the page was closed meanwhile."""
    words = console.words
    page = console.show_page(title, "\n".join([note, "", *(f"◌ {words(step)}" for step in steps)]).rstrip())
    try:
        found = await console.api.ask(call)
    except MindBotError as error:
        page.put(words("nothing was found out: {why}", why=error))
        raise
    if page.open:
        page.put("\n".join(lines(found, words)))
        return
    failed = [each for each in found if each.state == "failed"]
    said = f"{title}: {'; '.join(lines(failed or found, words))}"
    console.say(brief(said, 200), "bad" if failed else "ok")
