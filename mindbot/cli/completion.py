"""`mindbot completion`: what lets a shell complete names and ids."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_ASKED = "_MINDBOT_COMPLETE"  # by it typer is told what a shell wants

#: Asks in the way fish does, with the line as it is: bash takes words apart at colons, which sessions have,
#: and replaces only what stands behind the last one.
_BASH = r"""_mindbot_completion() {
    local IFS=$'\n' line=${COMP_LINE:0:COMP_POINT} word
    word=${line##*[[:space:]]}
    COMPREPLY=( $(_TYPER_COMPLETE_ARGS=$line _TYPER_COMPLETE_FISH_ACTION=get-args \
        _MINDBOT_COMPLETE=complete_fish "$1" 2>/dev/null | cut -f 1) )
    COMPREPLY=( "${COMPREPLY[@]#"${word%"${word##*:}"}"}" )
}
complete -o default -F _mindbot_completion mindbot"""


class Shell(StrEnum):
    """A shell that can be taught."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command(name="completion")
def print_script(
    shell: Annotated[
        Shell, typer.Argument(metavar="SHELL", help="Whose: bash, zsh or fish.", show_default=False)
    ],
) -> None:
    """Print what a shell has to read to complete commands, options, names and ids."""
    if shell is Shell.BASH:
        print(_BASH)
        return
    from mindbot.cli.main import app as whole

    os.environ[_ASKED] = f"source_{shell}"
    try:
        whole(prog_name="mindbot")
    finally:
        del os.environ[_ASKED]
