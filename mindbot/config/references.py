"""References inside values: ``${ENV}``, ``${ENV:-default}``, ``keyring:NAME``, ``credential:NAME``."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_NAMED = re.compile(r"(keyring|credential):(.*)", re.DOTALL)

#: What a secret may be called; a credential's name is a file name, so no slash and no leading dot.
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


def is_reference(text: str) -> bool:
    """Whether the text points elsewhere for its value, wholly or in part."""
    return _NAMED.fullmatch(text) is not None or _ENV.search(text) is not None


def named(text: str) -> tuple[str, str] | None:
    """Return ("keyring" | "credential", name) of such a reference, unchecked; None for any other text."""
    found = _NAMED.fullmatch(text)
    return (found[1], found[2]) if found else None


def variables(text: str) -> list[str]:
    """Return the environment variables a text needs: those without a default."""
    return [m[1] for m in _ENV.finditer(text) if m[2] is None]


def broken(text: str) -> bool:
    """Whether something in the text begins like ``${ENV}`` and is not."""
    return "${" in _ENV.sub("", text)


def expand(text: str, environ: Mapping[str, str]) -> tuple[str, list[str], list[str]]:
    """Put the environment's values in; returns the text, the values used, and the unset variables.

    As in a shell, ``:-`` also replaces an empty value; a variable that is unset stays as it is written.
    """
    used: list[str] = []
    unset: list[str] = []

    def value(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        found = environ.get(name)
        if default is not None and not found:
            found = default
        if found is None:
            unset.append(name)
            return match[0]
        used.append(found)
        return found

    return _ENV.sub(value, text), used, unset


def without_defaults(text: str) -> str:
    """Return the text with each default masked: a default may be a secret itself."""
    return _ENV.sub(lambda m: f"${{{m[1]}:-********}}" if m[2] else m[0], text)


def only_variables(text: str) -> bool:
    """Whether the text is made of ``${ENV}`` and nothing else."""
    return bool(text) and not _ENV.sub("", text)
