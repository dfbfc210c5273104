"""Characters that a stream cuts in two: their halves are joined, what stays half becomes U+FFFD. Pure."""

from __future__ import annotations

import codecs
import re

#: Two halves of a character in UTF-16, and bytes that were no UTF-8 (decoded with ``surrogateescape``).
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_BYTES = re.compile("[\udc80-\udcff]+")
_HALF = re.compile("[\ud800-\udfff]")
_FIRST_HALF = re.compile("[\ud800-\udbff]$")


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
        text = _PAIR.sub(lambda pair: pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text)
        if not last and (half := _FIRST_HALF.search(text)):
            text, self._held = text[: half.start()], half[0]

        def decoded(run: re.Match[str]) -> str:
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            at_end = not last and not self._held and run.end() == len(text)
            whole = decoder.decode(run[0].encode("ascii", "surrogateescape"), final=not at_end)
            if at_end:
                self._held = decoder.getstate()[0].decode("ascii", "surrogateescape")
            return whole

        return _HALF.sub("\ufffd", _BYTES.sub(decoded, text))
