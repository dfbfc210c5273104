"""What providers need to know of secrets."""

from __future__ import annotations

import re

from mindbot.domain.errors import SecretError

#: In front of a key that was copied from an example of a call.
_BEARER = re.compile(r"(authorization\s*:\s*)?bearer\s+", re.IGNORECASE)


def bare_key(text: str) -> str:
    """Return a key without blanks or quotes around it and without ``Bearer`` in front.

    Raises:
        SecretError: no header can carry it; the text does not show it.
    """
    key = _BEARER.sub("", text.strip().strip("\"'").strip(), count=1) if text else ""
    if not key.isascii() or not key.isprintable():
        hint = "full-width or invisible ones? copy it again from the vendor's page"
        raise SecretError("the key holds characters that no key has", hint=hint)
    return key
