"""Characters that only look like others, or like nothing, in a configuration: named at their own place.

They come from Chinese input methods (full-width signs and blanks), chats and word processors (curly quotes,
dashes), web pages (no-break and zero-width blanks). YAML takes them for letters: it stumbles a line later, or
they become a part of the credential that no eye sees.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from mindbot.config.tree import Finding, Origin

#: What is meant by each; an empty text is meant to be nothing. Full-width ASCII is added below.
_MEANT: Mapping[str, str] = {
    **{chr(0xFF01 + n): chr(0x21 + n) for n in range(0x5E)},
    **dict.fromkeys("“”„‟〝〞「」『』", '"'),
    **dict.fromkeys("‘’‚‛", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a", " "),
    **dict.fromkeys("\u202f\u205f\u3000", " "),
    **dict.fromkeys("\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", ""),
    **dict.fromkeys("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", ""),
    "。": ".",
    "、": ",",
    "…": "...",
    "\t": " ",
}
_ODD = re.compile("[" + re.escape("".join(_MEANT)) + "]")
_CALLED = {"\t": "tab", "\ufeff": "byte order mark", " ": "blank"}

#: RFC 7468, "Textual Encodings of PKIX, PKCS, and CMS Structures", with the headers (RFC 1421) of encrypted
#: keys; several in a row are a chain. No line inside begins as the edges do: there is one way to read it.
_PEM = re.compile(r"(?:-----BEGIN ([A-Z0-9 ]+)-----\n(?:(?!-----)[ -~]*\n)+-----END \1-----(?:\n+|\Z))+")

_INDENT = re.compile(r"(?P<before> *)(?P<odd>[^\S \n]|[\u180e\u200b-\u200f\u2060\ufeff])")
_KEY = re.compile(r"[ ]*(?:- +)*[\"']?[A-Za-z_][\w.-]*[\"']?(?P<odd>[：﹕︰∶꞉])", re.ASCII)
_COLONS = "：﹕︰∶꞉"


def named(char: str) -> str:
    """Return a character's code and name: ``U+FF1A (full-width colon)``."""
    name = _CALLED.get(char) or unicodedata.name(char, "").lower().replace("fullwidth", "full-width")
    return f"U+{ord(char):04X}" + (f" ({name})" if name else "")


def _mend(char: str) -> str:
    meant = ":" if char in _COLONS else _MEANT.get(char, "")
    if not meant:
        return "Delete it: it cannot be seen"
    return "Type a plain blank" if meant == " " else f"Type a plain {meant}"


def _finding(name: str, line: int, column: int, char: str, what: str) -> Finding:
    return Finding(Origin(name, line, column), f"{what} {named(char)}. {_mend(char)}")


def structural(text: str, name: str, line: int) -> Finding | None:
    """Return the last such character at the beginning of a line or after a key, at or above a line.

    For a text that YAML cannot read: of one that it can, see `in_scalar`.
    """
    for number, each in reversed(list(enumerate(text.split("\n")[:line], start=1))):
        if each.lstrip()[:1] == "#":
            continue
        if found := _INDENT.match(each):
            what = "the line begins with"
        elif found := _KEY.match(each):
            what = "after the key stands"
        else:
            continue
        return _finding(name, number, found.start("odd") + 1, found["odd"], what)
    return None


def in_key(text: str, place: Origin) -> Finding | None:
    """Return what is odd about a key."""
    found = _ODD.search(text)
    return (
        found
        and _finding(
            place.source, place.line, place.column + found.start(), found[0], f"the key {text!r} holds"
        )
    ) or None


def missed_colon(text: str, place: Origin) -> Finding | None:
    """Return the colon that makes a value of what was meant as a key and its value."""
    found = _KEY.match(text)
    if found is None:
        return None
    what = f"{text[: found.start('odd')]!r} is no key: after it stands"
    return _finding(place.source, place.line, place.column + found.start("odd"), found["odd"], what)


def in_credential(text: str, place: Origin, key: str, quoted: bool) -> Finding | None:
    """Return what is odd about a credential: such a character, or a blank at an end."""
    found = _ODD.search(text)
    at = found.start() if found else 0 if text[:1] == " " else len(text) - 1 if text[-1:] == " " else -1
    if at < 0:
        return None
    what = f"{key} holds" if found else f"{key} begins or ends with"
    told = _finding(place.source, place.line, place.column + at + quoted, text[at], what)
    return told if found else Finding(told.origin, f"{what} {named(' ')}. Delete it")


def kept(secret: str) -> str:
    """Return a secret as it is kept: lines of a PEM block end with LF, as openssl writes them."""
    lined = re.sub("\r\n?", "\n", secret)
    return lined if _PEM.fullmatch(lined) else secret


def unusable(secret: str) -> str:
    """Return what no credential holds and an input method, a chat or a paste put there; empty for nothing.

    Its words name the character and its place, and nothing of the secret. Line ends are for PEM alone: a key
    or a certificate from its first line to its last.
    """
    if _PEM.fullmatch(kept(secret)):
        return ""
    for n, char in enumerate(secret, start=1):
        if unicodedata.category(char) in ("Cc", "Cs"):
            what = _line_end(secret) if char in "\r\n" else named(char)
            return f"{what} at character {n}"
    found = _ODD.search(secret)
    return f"{named(found[0])} at character {found.start() + 1}. {_mend(found[0])}" if found else ""


def _line_end(secret: str) -> str:
    if "-----BEGIN " not in secret:
        return "a line end"
    return "more than a whole PEM block (-----BEGIN … to -----END …, nothing else): a line end"
