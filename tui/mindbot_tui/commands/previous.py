"""The turn before."""

from __future__ import annotations

from mindbot_tui.commands.next import Next


class Previous(Next):
    name = "previous"
    help = "the turn before, in the list"
    step = -1
