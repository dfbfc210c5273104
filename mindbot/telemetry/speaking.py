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
        text = self._secrets.spoken(piece if afresh else self._held + piece)
        keep = len(text) - self._secrets.begun(text)
        self._held = text[keep:]
        return text[:keep]

    def rest(self) -> str:
        """Return what was held back and turned out to be words: nothing more comes."""
        rest, self._held = self._held, ""
        return rest
