"""Regular expressions in configurations."""

from __future__ import annotations

from collections.abc import Iterable


def check_patterns(patterns: Iterable[str]) -> None:
    """Raise ValueError for what is no regular expression on RE2: it is linear in the user's text."""
    import re2  # loaded only where there are patterns

    options = re2.Options()
    options.log_errors = False
    for pattern in patterns:
        try:
            re2.compile(pattern, options)
        except re2.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {_readable(error)}") from error


def _readable(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
