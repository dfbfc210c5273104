"""Run a program of the reader's own with what is selected."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress

import anyio
from anyio.abc import Process

from mindbot.domain.errors import Invalid, NotFound
from mindbot_tui.cells import size
from mindbot_tui.commands.base import Command
from mindbot_tui.state.own import PLACES, OwnCommand
from mindbot_tui.surface import ShownPage, Surface

_MOST = 1 << 20  # bytes of output kept
_END = "── {what} ──"
_LOOK = 0.2  # seconds between looks at whether the page has been closed


class RunOwn(Command):
    """It runs as the reader, without a shell; closing its page, or its time limit, ends it."""

    name = "own"
    help = "run a command of your own with what is selected"
    argument = "NAME"
    asks = True

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(each.name, each.help) for each in console.state.own.values()]

    def unavailable(self, console: Surface, argument: str = "") -> str:
        words, own = console.words, console.state.own
        if console.state.readonly:
            return words("this console is read-only")
        if not own:
            return words("no commands of your own are configured")
        command = own.get(argument.strip())
        if command is None:
            return ""
        if command.views and console.view.view not in command.views:
            return words("{name} is for: {views}", name=command.name, views=", ".join(command.views))
        values = selected(console)
        lacking = next((place for place in command.needs if not values[place]), "")
        return (
            words("{name} needs a {place}, and none is selected", name=command.name, place=lacking)
            if lacking
            else ""
        )

    async def run(self, console: Surface, argument: str) -> None:
        command = console.state.own.get(argument.strip())
        if command is None:
            raise NotFound(f"no command of your own {argument!r}", hint=", ".join(console.state.own))
        values = selected(console)
        argv = command.argv(values)
        line = shlex.join(argv)
        if command.confirm and not await console.confirm(console.words("Run {line}?", line=line)):
            return
        console.state.called(line)
        await _run(console, command, argv, values)


def selected(console: Surface) -> dict[str, str]:
    """Return what is selected, by place; empty where nothing is known."""
    view = console.view
    row = console.state.turns.get(view.turn) if view.turn else None
    platform, bot = view.bot or ((row.platform, row.bot) if row else ("", ""))
    session = view.session or (row.session if row else "")
    values = (view.turn, session, platform, bot, row.user if row else "")
    return dict(zip(PLACES, values, strict=True))


async def _run(console: Surface, command: OwnCommand, argv: list[str], values: dict[str, str]) -> None:
    page = console.show_page(shlex.join(argv), "…")
    environ = os.environ | {f"MINDBOT_{place.upper()}": value for place, value in values.items()}
    try:
        process = await anyio.open_process(
            argv, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, env=environ, start_new_session=True
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        page.put(_END.format(what=reason))
        raise Invalid(f"{argv[0]} cannot be run: {reason}", hint="is it installed, and on $PATH?") from error
    words, said = console.words, _Said(page)
    try:
        with anyio.move_on_after(command.timeout) as limit:
            cut = words("\n… it said more than is kept ({most})", most=size(_MOST))
            await said.read(process, cut)
            if page.open:
                status = await process.wait()
                page.put(said.text + "\n" + _END.format(what=words("ended with {status}", status=status)))
        if limit.cancelled_caught:
            told = words("ended after {n} s: {name}", n=f"{command.timeout:g}", name=command.name)
            page.put(said.text + "\n" + _END.format(what=told))
            console.say(told, "bad")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and whatever it has started
        with anyio.CancelScope(shield=True):
            await process.aclose()


class _Said:
    """What a program has said, on a page."""

    def __init__(self, page: ShownPage) -> None:
        self._page = page
        self.text = ""

    async def read(self, process: Process, cut: str) -> None:
        """Show what it says as it says it, until its page is closed; ``cut`` stands where it is too much."""
        assert process.stdout is not None
        data = b""
        while self._page.open:
            try:
                with anyio.move_on_after(_LOOK):
                    more = await process.stdout.receive()
                    if len(data) <= _MOST:  # what comes after that costs nothing
                        data += more
                        self.text = data[:_MOST].decode("utf-8", "replace") + (
                            cut if len(data) > _MOST else ""
                        )
                        self._page.put(self.text)
            except anyio.EndOfStream:
                break
