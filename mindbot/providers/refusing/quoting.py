"""What may be shown of a vendor's words: one line, not too long, no control characters, not our key.

A vendor may echo the key whole, in part, or as it stands in an address or a JSON text.
"""

from __future__ import annotations

import base64
from urllib.parse import quote, quote_plus

_LONGEST = 300  # characters
_READ = 4096  # characters of a longer text that are looked at
_PART = 8  # characters of the key in a row that give it away
_BLOT = "***"
#: Small letters, each in its place: of other alphabets some would become two characters.
_SMALL = {ord(letter): ord(letter) + 32 for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def quoted(text: str, secret: str = "", *, longest: int = _LONGEST) -> str:
    """Return a vendor's words as they may be shown, at most ``longest`` characters and an ellipsis."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[:_READ]).split())
    line = _without(line, secret)
    return line if len(line) <= longest else line[:longest] + "…"


def _without(text: str, secret: str) -> str:
    """Blot out the secret and every part of it that is long enough to be one."""
    if len(secret) < _PART:
        # A key this short is a stand-in such as "none"; parts of it would be found in any text.
        return text.replace(secret, _BLOT) if len(secret) >= _PART // 2 else text
    lower = text.translate(_SMALL)
    parts = {
        shape[at : at + _PART] for shape in _shapes(secret) for at in range(max(1, len(shape) - _PART + 1))
    }
    kept: list[str] = []
    told = 0  # how far the text has been shown or blotted out
    for at in range(len(text) - _PART + 1):
        if lower[at : at + _PART] not in parts:
            continue
        if at > told or not kept:
            kept += (text[told:at], _BLOT)
        told = at + _PART
    return "".join([*kept, text[told:]])


def _shapes(secret: str) -> set[str]:
    in_base64 = base64.b64encode(secret.encode()).decode()
    return {
        each.translate(_SMALL) for each in (secret, quote(secret, safe=""), quote_plus(secret), in_base64)
    }
