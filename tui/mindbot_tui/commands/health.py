"""Show everything that is known of the daemon's health."""

from __future__ import annotations

from collections.abc import Iterator

from mindbot.api.shown import ago
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class ShowHealth(Command):
    name = "health"
    help = "how the daemon is: what is not well, why, and since when"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if not console.state.link.attached:
            return console.words("no daemon is attached")
        return "" if console.state.health.known else console.words("this daemon does not say how it is")

    async def run(self, console: Surface, argument: str) -> None:
        console.state.called("mindbot daemon status")
        console.show_page(console.words("Health"), "\n".join(_told(console)))


def _told(console: Surface) -> Iterator[str]:
    health, words = console.state.health, console.words
    yield " · ".join(each.say(words) for each in health.troubles) or words("everything is well")
    f = health.failing
    if f["ended"]:
        yield words(
            "{failed} of {ended} turns failed in the last {time}",
            failed=f["failed"],
            ended=f["ended"],
            time=ago(f["window_s"], words),
        )
    for each in health.not_ok:
        yield ""
        since = ago(console.state.clock() - each["since"], words) if each["since"] else ""
        state = words(each["state"])
        yield f"── {each['component']} · {state} {since} ──"
        yield words(each["reason"])
