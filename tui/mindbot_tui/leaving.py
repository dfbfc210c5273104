"""What leaves the console, and what comes back: the clipboard, files, programs of the reader's."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from textual.app import App

from mindbot_tui import outside
from mindbot_tui.cells import brief, size
from mindbot_tui.daemon import Daemon
from mindbot_tui.outside import MOST_COPIED
from mindbot_tui.state.files import TurnFile
from mindbot_tui.words import Words


class Leaving(App[None]):
    """The console's hands: each of them says what was done."""

    words: Words
    api: Daemon

    def say(self, text: str, kind: Literal["ok", "warn", "bad"] = "ok") -> None:
        """Show a short word."""
        raise NotImplementedError

    def copy(self, text: str) -> None:
        """Put a text on the clipboard, and say so; or that it is more than terminals take."""
        if (bytes := len(text.encode(errors="replace"))) > MOST_COPIED:
            most, has = size(MOST_COPIED), size(bytes)
            self.say(
                self.words("{has} is more than terminals copy ({most}); W saves it", has=has, most=most),
                "warn",
            )
            return
        self.copy_to_clipboard(text)
        self.say(self.words("copied {what}", what=brief(text)))

    async def save(self, text: str, name: str, *, given: bool = False) -> None:
        """Write a text to a new file, or hand it to the browser, and say so; raises Invalid."""
        self._saved(await outside.save(self, text, name, given=given))

    async def save_file(self, file: TurnFile) -> None:
        """The same with a file of the media store; raises MindBotError."""
        self._saved(await outside.save_file(self, self.api, file))

    def _saved(self, what: Path) -> None:
        words = self.words
        self.say(words("the browser saves {what}" if self.is_web else "saved {what}", what=what))

    async def open_outside(self, text: str, name: str) -> None:
        """Show a text in the reader's own program; raises MindBotError where that cannot be."""
        await outside.show(self, text, name)

    async def edit_outside(self, text: str, name: str) -> str:
        """Let the reader change a text in their own program, and return it; raises MindBotError where that
        cannot be."""
        return await outside.edit(self, text, name)
