"""A reply that grows where people read it, and may begin anew: then what stood there is taken back."""

from __future__ import annotations

import os
import shutil

from mindbot.cli.output import plain, width

_UP, _CLEAR = "\x1b[{}A", "\x1b[J"  # cursor up, erase below; ECMA-48 CUU and ED
_RETRACTED = "\n(what stands above was thinking; the answer:)\n"


class Growing:
    """Prints pieces of a reply. ``text`` is what counts of them, without what was taken back."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, piece: str, *, afresh: bool = False) -> None:
        """Print a piece; with ``afresh`` all before it is no part of the reply any more."""
        if afresh and self.text:
            print(_taking_back(plain(self.text)), end="")
            self.text = ""
        self.text += piece
        print(plain(piece), end="", flush=True)


def _taking_back(printed: str) -> str:
    """Return what takes printed text off the screen; words where it has left the screen's top."""
    columns, lines = shutil.get_terminal_size()
    rows = sum(max(1, -(-width(line.expandtabs()) // columns)) for line in printed.split("\n"))
    if rows > lines or os.environ.get("TERM", "dumb") == "dumb":
        return _RETRACTED
    return "\r" + (_UP.format(rows - 1) if rows > 1 else "") + _CLEAR
