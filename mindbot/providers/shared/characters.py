"""Characters that a stream cuts in two: their halves are joined, what stays half becomes U+FFFD. Pure."""

from __future__ import annotations

import codecs
import re

#: Halves of a character in UTF-16; the second ones from DC80 to DCFF may be bytes that were no UTF-8 (decoded
#: with ``surrogateescape``).
_HALF = re.compile("[\ud800-\udfff]")
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_FIRST_HALF = re.compile("[\ud800-\udbff]")


class Joiner:
    """Takes text in pieces; the half character that a piece ends with waits for the next one."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Return what is whole of the text so far and was not returned before."""
        if self._held:
            text, self._held = self._held + text, ""
        elif text.isascii() or not _HALF.search(text):
            return text
        return self._joined(text, last=False)

    def end(self) -> str:
        """Return what was held back; no piece follows."""
        text, self._held = self._held, ""
        return self._joined(text, last=True)

    def _joined(self, text: str, *, last: bool) -> str:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        half = "" if last or not _FIRST_HALF.match(text[-1:]) else text[-1:]
        data = _NO_BYTE.sub("\ufffd", text[: len(text) - len(half)]).encode("utf-8", "surrogateescape")
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        whole = decoder.decode(data, final=last or bool(half))
        self._held = half or decoder.getstate()[0].decode("ascii", "surrogateescape")
        return whole


def joined(text: str) -> str:
    """Return a text that has come whole, its halves of characters joined."""
    joiner = Joiner()
    return joiner.feed(text) + joiner.end()
