"""Names of files, as people and models write them and as every place here can take them."""

from __future__ import annotations

import unicodedata

_LONGEST = 255  # bytes of UTF-8: what file systems take
_ENDING, _NUMBER = 32, 16  # bytes that are kept of an ending, and that stay free for a number
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
    tail = tail if stem and len(tail) <= _ENDING else b""
    return (data[: _LONGEST - len(tail)].decode("utf-8", "ignore")).rstrip(". ") + tail.decode()


def saved_name(name: str, id: str) -> str:
    """Return what a file of the media store is called where it is saved: after its ``id`` without a name.

    No shell or command takes it for something else (``~``, an option), and a number has room in it.
    """
    stem, _, ending = id.partition(".")
    shown = file_name(name).lstrip("-~. ") or file_name(f"{stem[:12]}.{ending}", "file")
    short, dot, tail = shown.rpartition(".")
    if not short or len(tail.encode()) > _ENDING:
        short, dot, tail = shown, "", ""
    room = _LONGEST - _NUMBER - len(f"{dot}{tail}".encode())
    return f"{short.encode()[:room].decode(errors='ignore')}{dot}{tail}"


def _visible(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] != "C" or character in _JOINERS or category in ("Co", "Cn")
