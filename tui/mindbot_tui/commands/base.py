"""What every command of the console is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from mindbot_tui.state.console import Role
from mindbot_tui.surface import Surface


class Command(ABC):
    """A verb: keys, the prompt and the palette all run it.

    ``argument`` shows what may follow its name. ``needs`` is the role it takes to change something behind the
    daemon's socket; empty for what changes nothing there. What ``asks`` the daemon or the reader runs beside
    everything else; the others are done before the next key is looked at. After the key of one that ``types``
    a text is typed: where it is refused, those keys must not be commands.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    argument: ClassVar[str] = ""
    needs: ClassVar[Role] = ""
    asks: ClassVar[bool] = False
    types: ClassVar[bool] = False

    def refused(self, console: Surface, argument: str = "") -> str:
        """Return why it cannot be used now, for this reader or at this place; empty when it can."""
        state = console.state
        if self.needs and state.readonly:
            return console.words("this console is read-only")
        if self.needs and not state.has(self.needs):
            return console.words(
                "this needs the role {needs}, you are {role}", needs=self.needs, role=state.role
            )
        if self.needs and not state.link.attached:
            return console.words("no daemon is attached")
        return self.unavailable(console, argument)

    def unavailable(self, console: Surface, argument: str = "") -> str:
        """Return why it makes no sense here; empty when it does."""
        return ""

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        """Return arguments worth offering, each with a word about it."""
        return ()

    @abstractmethod
    async def run(self, console: Surface, argument: str) -> None:
        """Do it; raises MindBotError, which is shown."""
