"""What goes to the terminal, without what it knows already: on a slow line every byte counts.

Rich ends each piece of text with a reset of its style and begins the next one with all of its own, though
mostly only the colour of the letters differs (SGR, ECMA-48 8.3.117).
"""

from __future__ import annotations

import re
from functools import lru_cache

_STYLE = re.compile(r"(?:(\x1b\[0m)((?:\x1b\[\d+;\d+H)*))?\x1b\[([1-9][\d;]*)m|\x1b\[0m")
_COLOURS = ("38", "48")


class Thin:
    """Writes a style as what differs from the one before it."""

    def __init__(self) -> None:
        self._style = ""

    def __call__(self, data: str) -> str:
        return _STYLE.sub(self._written, data) if "\x1b[" in data else data

    def _written(self, found: re.Match[str]) -> str:
        reset, moves, style = found.groups()
        before, self._style = self._style, style or ""
        if style is None:
            return found[0]
        if not reset:
            self._style = f"{before};{style}" if before else style
            return found[0]
        difference = changed(before, style)
        return f"{moves}\x1b[{difference}m" if difference else moves


@lru_cache(maxsize=4096)
def changed(before: str, after: str) -> str:
    """Return the SGR parameters that lead from one style to another, neither of them empty."""
    old, new = _parts(before), _parts(after)
    if not old or any(part not in new for part in old):
        return f"0;{after}"  # something ends that was on, which only a reset does
    return ";".join(value for part, value in new.items() if old.get(part) != value)


def _parts(style: str) -> dict[str, str]:
    """Return a style's parameters, colours by what they colour."""
    found: dict[str, str] = {}
    numbers = iter(style.split(";"))
    for number in numbers:
        if number in _COLOURS:
            kind = next(numbers, "")
            values = [next(numbers, "") for _ in range({"2": 3, "5": 1}.get(kind, 0))]
            found[number] = ";".join((number, kind, *values))
        elif (number[0] in "349" and len(number) == 2) or (number[:2] == "10" and len(number) == 3):
            found["48" if number[0] in "41" else "38"] = number  # one of the sixteen
        else:
            found[number] = number
    return found
