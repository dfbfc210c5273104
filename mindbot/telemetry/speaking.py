"""Masks what is said to people while it is being said: a secret may be cut over two pieces."""

from __future__ import annotations

from mindbot.telemetry.redaction import Redactor, redactor


class Speaking:
    """Words in pieces, masked as `Redactor.spoken` masks the whole: what may begin a secret is held back."""

    def __init__(self, secrets: Redactor = redactor) -> None:
        self._secrets = secrets
        self._held = ""

    def take(self, piece: str, *, afresh: bool = False) -> str:
        """Return what may be said by now; with ``afresh`` what was said before does not count any more."""
        text = piece if afresh else self._held + piece
        said, self._held = self._secrets.spoken_so_far(text)
        return said

    def rest(self) -> str:
        """Return what was held back, masked: nothing more comes."""
        rest, self._held = self._held, ""
        return self._secrets.spoken(rest)
