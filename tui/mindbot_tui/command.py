"""`mindbot tui`: the operator console. Nothing of Textual is imported before it runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

tui = typer.Typer(add_completion=False, rich_markup_mode=None)


def _languages(incomplete: str) -> list[str]:
    from mindbot_tui.words import LANGUAGES

    return list(LANGUAGES)


def _themes(incomplete: str) -> list[str]:
    from textual.theme import BUILTIN_THEMES

    from mindbot_tui.themes import themes

    return [*(each.name for each in themes()), *BUILTIN_THEMES]


@tui.command(name="tui")
def open_console(
    ctx: typer.Context,
    readonly: Annotated[bool, typer.Option("--readonly", help="Look, but change nothing.")] = False,
    at: Annotated[
        str, typer.Option(metavar="TIME", help="Begin with what happened then: 12:30, -2h, 2026-11-30.")
    ] = "",
    filter: Annotated[str, typer.Option(metavar="FILTER", help="Begin with these turns only.")] = "",
    lang: Annotated[
        str, typer.Option(autocompletion=_languages, help="en or zh; by default what $LANG says.")
    ] = "",
    theme: Annotated[
        str, typer.Option(autocompletion=_themes, help="Colours; :theme in the console lists them.")
    ] = "",
    production: Annotated[
        bool, typer.Option("--production", help="Loud colours: this is the real thing.")
    ] = False,
    fps: Annotated[
        float, typer.Option(min=0.2, max=30, help="How often the screen changes; less for a slow line.")
    ] = 10,
    keymap: Annotated[
        str,
        typer.Option(metavar="FILE", help="Keys of your own; :keymap in the console shows them."),
    ] = "",
    commands: Annotated[
        str, typer.Option(metavar="FILE", help="Commands of your own; with --web, only what is named here.")
    ] = "",
    web: Annotated[bool, typer.Option("--web", help="Serve the console, read-only, to a browser.")] = False,
    write: Annotated[bool, typer.Option("--write", help="With --web: not only look.")] = False,
    host: Annotated[str, typer.Option(help="Where --web listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Its port.")] = 8008,
    public_url: Annotated[
        str, typer.Option(metavar="URL", help="Where browsers find --web, behind a proxy.")
    ] = "",
) -> None:
    """Attach a console to the daemon. It may come and go: the daemon does not mind."""
    socket = (ctx.obj or {}).get("socket")
    if web:
        from mindbot_tui.web import serve

        options = ["--readonly"] * (readonly or not write) + ["--production"] * production
        options += ["--lang", lang] * bool(lang) + ["--theme", theme] * bool(theme) + ["--fps", str(fps)]
        options += ["--at", at] * bool(at) + ["--filter", filter] * bool(filter)
        options += ["--commands", str(Path(commands).absolute())] * bool(commands)
        options += ["--keymap", str(Path(keymap).absolute())] * bool(keymap)
        serve(options, socket, host, port, public_url)
        return
    from mindbot_tui.start import start

    start(
        socket,
        readonly=readonly,
        at=at,
        filter=filter,
        language=lang,
        theme=theme,
        production=production,
        fps=fps,
        keymap=keymap,
        commands=commands,
        environ=os.environ,
    )
