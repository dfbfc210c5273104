"""The steps of a test as a page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mindbot.api.models import PlatformCheck
from mindbot_tui.words import Words

_SIGNS = {"ok": "✓", "failed": "✗", "skipped": "○"}


def lines(found: Iterable[PlatformCheck], words: Words) -> Iterator[str]:
    """Yield what was found out, and how to mend it."""
    for each in found:
        detail = f": {each.detail}" if each.detail else ""
        yield f"{_SIGNS.get(each.state, '?')} {_named(each.name, words)}{detail}"
        if each.mend:
            yield f"  → {each.mend}"


def _named(name: str, words: Words) -> str:
    """Say what was looked at; behind the name of an app, where a workflow has several."""
    return ": ".join(words(each) for each in name.split(": "))
