"""Go to the cause of what the status bar says is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mindbot.domain.health import SLOW, About, Trouble
from mindbot_tui.commands.base import Command
from mindbot_tui.commands.faults import Faults
from mindbot_tui.surface import Surface

#: The filters that show what a trouble is about.
FILTERS: Mapping[About, str] = {
    "failing": Faults.FILTER,
    "waiting": 'delivery == "waiting"',
    "slow": f"state == running and took > {SLOW:g}s",
    "undelivered": "undelivered",
}


class Culprit(Command):
    """The argument says which of several troubles, by what it is about: ``dead``."""

    name = "culprit"
    help = "open the cause of what the status bar says is wrong"
    argument = "[bots|parts|providers|workflows|failing|waiting|slow|undelivered|dead]"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if not console.state.link.attached:
            return console.words("no daemon is attached")
        if not console.state.health.known:
            return console.words("this daemon does not say how it is")
        if _chosen(console, argument) is None:
            return console.words("nothing is wrong")
        return ""

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        for trouble in console.state.health.troubles:
            yield trouble.about, trouble.say(console.words)

    async def run(self, console: Surface, argument: str) -> None:
        trouble = _chosen(console, argument)
        if trouble is None:
            return
        match trouble.about:
            case "bots" | "providers" | "workflows" as view:
                await console.go(view if view != "bots" else "platforms")
                console.view.seek(trouble.names[0])
            case "failing" | "waiting" | "slow" | "undelivered" as what:
                (await console.show_flow()).set_filter(FILTERS[what])
            case "dead":
                await console.go("dead")
            case "parts":
                console.run_command("health")


def _chosen(console: Surface, argument: str) -> Trouble | None:
    found = console.state.health.troubles
    return next((each for each in found if argument in ("", each.about)), None)
