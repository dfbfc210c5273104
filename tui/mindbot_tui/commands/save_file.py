"""Save a file that came with a turn's message, or went out with its answer."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from mindbot.domain.errors import NotFound
from mindbot_tui.commands.in_turn import InTurn
from mindbot_tui.surface import Surface


class SaveFile(InTurn):
    name = "save-file"
    help = "save a picture or file of the turn here, by its number; one that exists stays as it is"
    argument = "[N]"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if (turn := console.turn_view) is None:
            return console.words("open a turn first")
        if turn.files:
            return ""
        if why := turn.missing_file:
            return console.words("its file is not there: {why}", why=why)
        return console.words("no file came or went with this turn")

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        files = console.turn_view.files if console.turn_view else ()
        return [(str(n), f"{file.name}  {file.about}".rstrip()) for n, file in enumerate(files, start=1)]

    async def run(self, console: Surface, argument: str) -> None:
        assert console.turn_view is not None
        files = console.turn_view.files
        if not argument and len(files) > 1:
            console.open_prompt(f"{self.name} ")
            return
        wanted = argument or "1"
        if not wanted.isdecimal() or not 0 < int(wanted) <= len(files):
            raise NotFound(f"no file {wanted!r} in this turn", hint=f"its files are 1 to {len(files)}")
        file = files[int(wanted) - 1]
        console.state.called(shlex.join(["mindbot", "media", "save", file.id]))
        await console.save_file(file)
