"""What strangers wrote, for a terminal: nothing in it drives the terminal or deceives who looks at it.

Control characters (C0, DEL, C1) begin sequences that move the cursor, set the title or fill the clipboard;
direction marks and other format characters (Unicode category Cf) show text in another order than it has, or
hide it; U+2028 and U+2029 end lines. The joiners U+200C and U+200D stay: Persian words and families of emoji
are written with them.
"""

from __future__ import annotations

import re
from typing import Any

from mindbot.domain.plain import dumps

#: Unicode 16, categories Cc, Cf (without the joiners), Zl, Zp and Cs.
_RANGES = (
    "\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001-\U000e007f"
)
_HIDDEN = re.compile(f"[{_RANGES}]")
_HIDDEN_IN_LINES = re.compile(f"(?![\n\t])[{_RANGES}]")


def visible(text: str) -> str:
    r"""Return text with each such character as its escape: ``\x1b``, ``\u202e``."""
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub(_escape, text)


def visible_lines(text: str) -> str:
    """Return text of several lines, with tabs and line ends as they are and all else as `visible`."""
    return _HIDDEN_IN_LINES.sub(_escape, text.replace("\r\n", "\n"))


def json_line(value: Any, *, ascii_only: bool = False) -> str:
    """Return any value as one line of JSON that may be shown on a terminal, and means the same."""
    text = dumps(value).decode()
    if text.isascii() and "\x7f" not in text:
        return text
    return (_BEYOND_ASCII if ascii_only else _HIDDEN).sub(_escape_json, text)


_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BEYOND_ASCII = re.compile(r"[^\x20-\x7e]")


def _escape(match: re.Match[str]) -> str:
    if match[0] in _NAMED:
        return _NAMED[match[0]]
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escape_json(match: re.Match[str]) -> str:
    """RFC 8259, section 7: characters beyond the first plane are two escapes."""
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4))
