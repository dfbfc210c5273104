"""Stands in place of the list while there has never been a daemon: how to start one."""

from __future__ import annotations

from textual.strip import Strip

from mindbot_tui.cells import wrap
from mindbot_tui.widgets.line import Line
from mindbot_tui.widgets.paint import Piece


class NoDaemon(Line):
    """Shown until the first attach."""

    DEFAULT_CSS = "NoDaemon { height: 1fr; display: none; }"

    def sync(self) -> None:
        state = self.console.state
        self.display = state.link.phase == "detached" and not len(state.turns)
        if self.display:
            super().sync()

    def pieces(self, width: int) -> list[Piece]:
        return [piece for line in self._lines(width) for piece in line]

    def _lines(self, width: int) -> list[list[Piece]]:
        link, words = self.console.state.link, self.words
        inner = max(width - 4, 10)
        out: list[list[Piece]] = [[], [("  ", "text"), (words("No daemon."), "bad")], []]
        out += [[("  ", "text"), (line, "text")] for line in wrap(link.reason, inner)]
        out += [[], [("  ", "text"), (words("Start one:"), "strong")]]
        for command, about in STARTS:
            out.append([("    ", "text"), (command.ljust(26), "key"), (words(about), "dim")])
        out += [[], [("  ", "text"), (words("This console keeps trying and attaches by itself."), "dim")]]
        return out

    def render_line(self, y: int) -> Strip:
        lines = self._lines(self.size.width)
        return self.strip(lines[y] if y < len(lines) else [], self.size.width)


STARTS = (
    ("mindbot up", "in the foreground"),
    ("mindbot up --demo", "with simulators and sample traffic"),
    ("systemctl start mindbot", "as a service"),
)
