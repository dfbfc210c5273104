"""What a filter that cannot be used looks like to the person who wrote it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

from mindbot.domain.errors import BadFilter


class FilterError(BadFilter):
    """A filter that does not parse, with its text."""

    def __init__(
        self,
        message: str,
        text: str,
        column: int,
        *,
        length: int = 1,
        hint: str = "",
        fields: Iterable[str] = (),
    ) -> None:
        super().__init__(
            f"{message}, at column {column}", hint=hint, column=column, length=length, fields=fields
        )
        self.text = text

    def show(self) -> str:
        """Return the message, the filter with the place marked under it, the mend and the fields."""
        before, meant = self.text[: self.column - 1], self.text[self.column - 1 :][: self.length]
        lines = [
            self.message,
            f"  {one_line(self.text)}",
            f"  {' ' * cells(before)}{'^' * max(cells(meant), 1)}",
        ]
        if self.hint:
            lines.append(self.hint)
        if self.fields:
            lines.append(f"fields: {', '.join(self.fields)}")
        return "\n".join(lines)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean X?`` for the nearest known word, or nothing."""
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[near[0]]}?" if near else ""


def one_line(text: str) -> str:
    """Return the text with every white space as one blank, so that columns stay where they are."""
    return "".join(" " if c.isspace() else c for c in text)


def cells(text: str) -> int:
    """Return how many terminal cells the text takes: Chinese characters take two."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
