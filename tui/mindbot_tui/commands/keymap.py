"""The keys in use, and a file to change them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mindbot.domain.errors import Conflict, Invalid
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class ShowKeymap(Command):
    """Shows; ``write`` puts a file there that changes nothing and lists every id."""

    name = "keymap"
    help = "the keys in use; write: a file to change them in"
    argument = "[write]"

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [("write", "")]

    async def run(self, console: Surface, argument: str) -> None:
        keymap, words = console.keymap, console.words
        path = console.keymap_path or keymap.path
        if argument.strip() == "write":
            self._write(path)
            console.say(words("written: {path}; it counts from the next start on", path=path))
            return
        lines = [path or "-", *keymap.problems, ""]
        for key in keymap.keys:
            mark = "*" if key.id in keymap.changed else " "
            lines.append(f"{mark} {key.id:22} {key.shown or '-':14} {words(key.help)}")
        console.show_page(words("Keys in use; * are your own"), "\n".join(lines))

    def _write(self, path: str) -> None:
        from mindbot_tui.keyfile import template

        if not path:
            raise Invalid("there is no home to write a keymap to", hint="mindbot tui --keymap FILE")
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            with Path(path).open("x", encoding="utf-8") as file:
                file.write(template())
        except FileExistsError as error:
            raise Conflict(f"{path} is there already", hint="change it, or move it away first") from error
        except OSError as error:
            raise Invalid(f"{path} cannot be written: {error.strerror}") from error
