"""Text in terminal cells: one line, nothing that moves the cursor, Chinese characters two wide."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size

_WIDENS = "\ufe0f"  # the sign before it is drawn as a picture, two cells wide


def clean(text: str) -> str:
    """Return a text as one line; no control character of a message reaches the terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Cut or pad a text to exactly ``width`` cells; what is cut ends in an ellipsis."""
    if width <= 0:
        return ""
    text = clean(text[: width * 4])
    size = len(text) if text.isascii() else cell_len(text)
    if size > width:
        kept = set_cell_size(text, width - 1).rstrip()
        return kept + "…" + " " * (width - 1 - cell_len(kept))
    blank = " " * (width - size)
    return blank + text if right else text + blank


def brief(text: str, width: int = 60) -> str:
    """Return a text as one short line, for a title, a question or a word in passing."""
    return fit(text, min(width, 2 * len(text))).rstrip()


def wrap(text: str, width: int) -> Iterator[str]:
    """Yield a line in pieces of at most ``width`` cells, broken at blanks where there are any."""
    text = text.expandtabs(4)
    text = text if text.isprintable() else "".join(c if c.isprintable() else "·" for c in text)
    width = max(width, 2)
    start = 0
    while (end := _end(text, start, width)) < len(text):
        blank = text.rfind(" ", start + (end - start) // 2, end + 1)
        if blank > start:
            yield text[start:blank]
            start = blank + 1
        else:
            yield text[start:end]
            start = end
    yield text[start:]


def _end(text: str, start: int, width: int) -> int:
    """Return where a piece of ``width`` cells from ``start`` ends: at least one character on."""
    if text.isascii():
        return start + width
    if len(text) - start <= width and cell_len(text[start:]) <= width:
        return len(text)
    used = 0
    for at in range(start, len(text)):
        used += 1 if text[at] == _WIDENS else cell_len(text[at])
        if used > width:
            return max(at, start + 1)
    return len(text)


def clock(seconds: float) -> str:
    """Return a Unix time as local hours, minutes and seconds."""
    return time.strftime("%H:%M:%S", time.localtime(seconds)) if seconds else ""


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
