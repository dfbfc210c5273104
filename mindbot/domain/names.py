"""Names of files, as people and models write them and as every place here can take them."""

from __future__ import annotations

import unicodedata

_LONGEST = 255  # bytes of UTF-8: what file systems take
_JOINERS = "\u200c\u200d"  # inside of emoji and of words of some scripts


def file_name(name: str, unnamed: str = "") -> str:
    """Return a file's name without folders, line ends, control characters and marks of direction.

    One that has no name is called ``unnamed``. One that is too long keeps its ending.
    """
    shown = "".join(" " if c.isspace() else c for c in name if c.isspace() or _visible(c))
    shown = " ".join(shown.replace("\\", "/").rpartition("/")[2].split()).strip(". ")  # no "..", no ".hidden"
    shown = shown or unnamed
    data = shown.encode("utf-8", "replace")
    if len(data) <= _LONGEST:
        return data.decode()
    stem, dot, ending = shown.rpartition(".")
    tail = f"{dot}{ending}".encode("utf-8", "replace")
    tail = tail if stem and len(tail) <= 32 else b""
    return (data[: _LONGEST - len(tail)].decode("utf-8", "ignore")).rstrip(". ") + tail.decode()


def _visible(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] != "C" or character in _JOINERS or category in ("Co", "Cn")
