"""A text in lines of so many cells, laid out from its beginning only as far as somebody looks."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from mindbot_tui.cells import piece, readable


class Laid:
    """Lines are pieces of `text`, known by where they begin and end in it.

    Nothing is measured that was not asked for: `reach` and `reach_character` go on, `finish` does all of it.
    """

    def __init__(self, text: str, width: int) -> None:
        self.text = _readable(text)
        self.width = max(width, 2)
        self._given = text
        self._begins = array("L")
        self._ends = array("L")
        self._at = 0  # where the next line begins
        self._stop = -1  # where the paragraph ends that it is in
        self.whole = False

    def __len__(self) -> int:
        """How many lines are laid out."""
        return len(self._begins)

    @property
    def height(self) -> int:
        """How many lines there are; estimated from those that are laid out, where these are not all."""
        known = len(self._begins)
        if self.whole or not self._at:
            return known
        return known + max(1, known * (len(self.text) - self._at) // self._at)

    def reach(self, count: int) -> bool:
        """Lay out so many lines, where there are as many; return whether any were to be laid out."""
        if self.whole or count <= len(self._begins):
            return False
        while len(self._begins) < count and not self.whole:
            self._line()
        return True

    def reach_character(self, at: int) -> None:
        """Lay out the lines up to a character."""
        while self._at <= at and not self.whole:
            self._line()

    def finish(self) -> bool:
        """Lay out everything; return whether anything was to be laid out."""
        if self.whole:
            return False
        while not self.whole:
            self._line()
        return True

    def span(self, line: int) -> tuple[int, int]:
        """Return where a line begins and ends in the text."""
        return self._begins[line], self._ends[line]

    def line_of(self, at: int) -> int:
        """Return the line that a character is in; lays out as far."""
        self.reach_character(at)
        return max(bisect_right(self._begins, at) - 1, 0)

    def grown(self, text: str) -> bool:
        """Take over the text with something after it, and keep what is laid out; False if it is another."""
        if not text.startswith(self._given):
            return False
        before, self.text, self._given = self.text, _readable(text), text
        if not self.text.startswith(before):  # a tab or a sign was completed
            return False
        self._stop = -1
        if self.whole:  # the last line may be longer now
            self.whole, self._at = False, self._begins.pop()
            self._ends.pop()
        return True

    def _line(self) -> None:
        text, at = self.text, self._at
        if self._stop < at:
            self._stop = text.find("\n", at)
            self._stop = len(text) if self._stop < 0 else self._stop
        end, after = piece(text, at, self._stop, self.width)
        self._begins.append(at)
        self._ends.append(end)
        if after >= self._stop:  # the paragraph is done
            self.whole = self._stop >= len(text)
            after = self._stop + 1
        self._at = after


def _readable(text: str) -> str:
    return readable(text.replace("\r\n", "\n"))
