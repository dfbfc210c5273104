"""Text in terminal cells: one line, nothing that moves the cursor, Chinese characters two wide."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size

_CROWDED = 8  # characters a cell of a line at most: marks may be heaped on one without end
_JOINS = "\u200d"  # makes one picture of several
_WIDENS = "\ufe0f"  # the sign before it is drawn as a picture, two cells wide


def clean(text: str) -> str:
    """Return a text as one line; no control character of a message reaches the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Cut or pad a text to exactly ``width`` cells; what is cut ends in an ellipsis."""
    if width <= 0:
        return ""
    text = clean(text[: width * 4])
    size = len(text) if text.isascii() else cell_len(text)
    if size > width:
        kept = _cut(text, width - 1).rstrip()
        return kept + "…" + " " * (width - 1 - cell_len(kept))
    blank = " " * (width - size)
    return blank + text if right else text + blank


def _cut(text: str, width: int) -> str:
    """Return the first ``width`` cells of a longer text; characters that are joined stay together."""
    if _JOINS in text or width < 2:
        return set_cell_size(text, width)
    return text[: _end(text, 0, len(text), width)]


def brief(text: str, width: int = 60) -> str:
    """Return a text as one short line, for a title, a question or a word in passing."""
    return fit(text, min(width, 2 * len(text))).rstrip()


def readable(text: str) -> str:
    """Return a text of several lines as it is laid out: tabs are blanks, and nothing drives the terminal."""
    text = text.expandtabs(4)
    if text.isprintable() or text.replace("\n", "").isprintable():
        return text
    return text.translate({ord(c): "·" for c in set(text) if c != "\n" and not c.isprintable()})


def wrap(text: str, width: int) -> Iterator[str]:
    """Yield a line in pieces of at most ``width`` cells, broken at blanks where there are any."""
    text = readable(text).replace("\n", "·")
    at = 0
    while True:
        end, after = piece(text, at, len(text), width)
        yield text[at:end]
        if after >= len(text):
            return
        at = after


def piece(text: str, start: int, stop: int, width: int) -> tuple[int, int]:
    """Return where a piece of at most ``width`` cells ends, and where the next one begins.

    It is broken at a blank in its second half, where there is one, else anywhere; ``stop`` is the end of the
    line. What it costs depends on the width, not on the line. The text is `readable`.
    """
    end = _end(text, start, stop, max(width, 2))
    if end < stop:
        blank = text.rfind(" ", start + (end - start) // 2, end + 1)
        if blank > start:
            return blank, blank + 1
    return end, end


def _end(text: str, start: int, stop: int, width: int) -> int:
    """Return where ``width`` cells from ``start`` end: at least one character on."""
    end = min(start + width, stop)
    stop = min(stop, start + _CROWDED * width)
    if text[start:end].isascii():
        return end
    at, room = start, width
    while at < stop and room > 0:
        next = min(at + max(room // 2, 1), stop)
        used = cell_len(text[at:next])
        if used > room:
            break  # one wide character where there is one cell
        at, room = next, room - used
    while at < stop and text[at] != _WIDENS and not cell_len(text[at]):
        at += 1  # a mark on the character before
    while at > start + 1 and (text[at : at + 1] == _WIDENS or cell_len(text[start:at]) > width):
        at -= 1
    return max(at, min(start + 1, stop))


def clock(seconds: float) -> str:
    """Return a Unix time as local hours, minutes and seconds."""
    return time.strftime("%H:%M:%S", time.localtime(seconds)) if seconds else ""


def moment(seconds: float) -> str:
    """Return a Unix time as local day, hours and minutes."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""


def took(seconds: float) -> str:
    """Return a duration in at most seven cells."""
    if seconds < 0.0000995:
        return f"{seconds * 1e6:.0f}µs"
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f}ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 99.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 100:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours < 100 else f"{hours // 24}d"


def age(seconds: float) -> str:
    """Return how long ago, in one unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(max(seconds, 0))}s"


def size(count: float) -> str:
    """Return a number of bytes."""
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
