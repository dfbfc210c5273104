"""Masks what is personal in words that leave the machine: the same thing is the same mask everywhere.

What is masked keeps its form: a telephone number stays one, with other digits, so that a pattern that looks
for one still finds it. The digits and names are made with a key, so that nobody finds the person by trying.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Iterable
from hashlib import blake2b
from pathlib import Path

from mindbot.telemetry.redaction import redactor

_KEY = 32  # bytes
_NAME = 8  # letters of a mask; letters alone, for digits would be masked again
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_SHORTEST_ID, _SHORTEST_NAME = 3, 2  # characters that are looked for in words

_MAIL = re.compile(r"(?<![\w.+@-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
#: Telephone numbers as people write them, cards in groups, and any number of seven digits and more.
_NUMBER = re.compile(
    r"(?<![\w.])(?:"
    r"(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}"
    r"|\+\d{1,3}(?:[ -]?\d){7,12}"
    r"|0\d{2,3}-\d{7,8}"
    r"|\d{3}-\d{3,4}-\d{4}"
    r"|\d{4}(?:[ -]\d{4}){2,4}"
    r"|\d{7,}[Xx]?"
    r")(?!\w)",
    re.ASCII,
)
_MASKS = re.compile(r"\b(?:user|group|person|mail)-[a-p]{8}\b")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Masker:
    """Masks by one key. ``keep`` are ids that stay as they are: the configuration names them."""

    def __init__(self, key: bytes, keep: Collection[str] = ()) -> None:
        self._key = key
        self._keep = frozenset(keep)
        self._known: dict[str, str] = {}
        self._search: re.Pattern[str] | None = None

    def id(self, kind: str, value: str) -> str:
        """Return what stands for an id (``user``, ``group``), and mask it in words from now on."""
        if not value or value in self._keep:
            return value
        mask = f"{kind}-{self._letters(value)}"
        self._learn(value, mask, _SHORTEST_ID)
        return mask

    def names(self, names: Iterable[str]) -> None:
        """Mask these names of people in words from now on."""
        for name in names:
            if name and name not in self._keep:
                self._learn(name, f"person-{self._letters(name)}", _SHORTEST_NAME)

    def text(self, text: str) -> str:
        """Return words with secrets, known ids and names, addresses of e-mail and long numbers masked, and
        without characters that no text has."""
        text = _CONTROL.sub("", redactor.redact(text)).encode("utf-8", "replace").decode()
        if self._search is not None:
            text = self._search.sub(lambda found: self._known[found[0]], text)
        text = _MAIL.sub(lambda found: f"mail-{self._letters(found[0].lower())}@example.com", text)
        return _NUMBER.sub(lambda found: self._digits(found[0]), text)

    def _learn(self, value: str, mask: str, shortest: int) -> None:
        if len(value) >= shortest and value not in self._known:
            self._known[value] = mask
            longest_first = sorted(self._known, key=len, reverse=True)
            # An id inside a word is none; Chinese has no blanks between words.
            self._search = re.compile("|".join(map(_whole, longest_first)), re.ASCII)

    def _hash(self, value: str) -> str:
        return blake2b(value.encode("utf-8", "surrogatepass"), key=self._key, digest_size=_KEY).hexdigest()

    def _letters(self, value: str) -> str:
        return self._hash(value)[:_NAME].translate(_LETTERS)

    def _digits(self, number: str) -> str:
        """Return a number with other digits behind its first two; what is not a digit stays."""
        bare = "".join(c for c in number if c.isdigit())
        stream = str(int(self._hash(bare), 16))[1:]
        fresh = iter(bare[:2] + stream)
        return "".join(next(fresh) if c.isdigit() else c for c in number)


def _whole(value: str) -> str:
    return rf"(?<![\w.@-]){re.escape(value)}(?![\w@-]|\.\w)" if value.isascii() else re.escape(value)


def shape(text: str) -> str:
    """Return words as they are but for what a mask would change: to compare words with masked ones."""
    text = _CONTROL.sub("", redactor.redact(text)).encode("utf-8", "replace").decode()
    text = _MASKS.sub("~", _MAIL.sub("~@~", text))
    return _NUMBER.sub(lambda found: re.sub(r"\d", "0", found[0]), text).strip()


def key_of(folder: Path) -> bytes:
    """Return the key that is kept in a folder, made when it is first asked for: so that somebody has the same
    mask in every file. Where nothing can be kept there it is one for this time.
    """
    path = folder / "golden.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    except OSError:
        return secrets.token_bytes(_KEY)
    else:
        with os.fdopen(handle, "wb") as out:
            out.write(secrets.token_bytes(_KEY))
    try:
        found = path.read_bytes()
    except OSError:
        found = b""
    return found if len(found) == _KEY else secrets.token_bytes(_KEY)
