"""What every command of the console is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Command(ABC):
    """A verb: keys, the prompt and the palette all run it.

    ``argument`` shows what may follow its name; ``acts`` is true when it changes something behind the
    daemon's socket.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    argument: ClassVar[str] = ""
    acts: ClassVar[bool] = False

    def refused(self, console: Console) -> str:
        """Return why it cannot be used now, for this reader or at this place; empty when it can."""
        desk = console.desk
        if self.acts and desk.readonly:
            return console.words("this console is read-only")
        if self.acts and desk.role == "viewer":
            return console.words("this needs the role operator, you are viewer")
        if self.acts and not desk.link.attached:
            return console.words("no daemon is attached")
        return self.unavailable(console)

    def unavailable(self, console: Console) -> str:
        """Return why it makes no sense here; empty when it does."""
        return ""

    def offers(self, console: Console) -> Iterable[tuple[str, str]]:
        """Return arguments worth offering, each with a word about it."""
        return ()

    @abstractmethod
    async def run(self, console: Console, argument: str) -> None:
        """Do it; raises MindBotError, which is shown."""
