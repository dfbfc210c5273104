"""Are these the bytes of the picture that a request says they are? Vendors look, and so do simulators."""

from __future__ import annotations

import base64
import binascii

_BEGINS = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}


def decoded(data: object) -> bytes:
    """Return the bytes of base64 text; raises ValueError, also when there are none."""
    if not isinstance(data, str) or not data:
        raise ValueError("no base64 text")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as exc:
        raise ValueError(str(exc)) from exc


def media_type(data: bytes) -> str:
    """Return what kind of picture the bytes are; "" for none that vendors take."""
    return next((name for name, begins in _BEGINS.items() if data.startswith(begins)), "")
