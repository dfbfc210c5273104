"""Work that may ask nobody: every call of it fails before it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Why the work that runs in this context may ask nobody; empty: it may.
_WHY: ContextVar[str] = ContextVar("sealed", default="")


def why_sealed() -> str:
    """Return why nothing may be asked here; empty where it may."""
    return _WHY.get()


@contextmanager
def sealed(why: str) -> Iterator[None]:
    """Let nothing leave by `HttpClient` from the block, and from the tasks that it starts."""
    before = _WHY.set(why)
    try:
        yield
    finally:
        _WHY.reset(before)
