"""Sizes of files as people read them, in the unit in which the vendors' limits are counted."""

from __future__ import annotations

_MB = 1 << 20


def megabytes(size: int) -> str:
    """Return bytes as ``28.6 MB``, of 1,048,576 bytes each; less than one of these is told in bytes."""
    return f"{size / _MB:.1f} MB" if size >= _MB else f"{size:,} bytes"
