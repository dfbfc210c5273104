"""Which endings and MIME types files have, told from their name or first bytes."""

from __future__ import annotations

import mimetypes
import re

#: First bytes → MIME type, for what platforms send without a name.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"#!AMR", "audio/amr"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"PK\x03\x04", "application/zip"),
    (b"BM", "image/bmp"),
)
_ENDINGS = {"image/jpeg": ".jpg", "audio/amr": ".amr", "audio/mpeg": ".mp3", "text/plain": ".txt"}
_TYPES = {".amr": "audio/amr", ".silk": "audio/silk", ".md": "text/markdown"}
_PLAIN_ENDING = re.compile(r"\.[a-z0-9]{1,8}")
UNKNOWN = "application/octet-stream"


def type_of(name: str, told: str, head: bytes) -> str:
    """Return a file's MIME type from its name, what the sender told, and its first bytes."""
    told = told.partition(";")[0].strip().lower()
    if told and told not in (UNKNOWN, "binary/octet-stream", "application/x-download"):
        return told
    ending = ending_of(name)
    if found := _TYPES.get(ending) or mimetypes.types_map.get(ending):
        return found
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12], UNKNOWN)
    if head[4:8] == b"ftyp":
        return "video/mp4"
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), UNKNOWN)


def ending_of(name: str) -> str:
    """Return a name's ending with its dot, in lower case; empty when there is none that is harmless."""
    dot = name.rfind(".")
    ending = name[dot:].lower() if dot > 0 else ""
    return ending if _PLAIN_ENDING.fullmatch(ending) else ""


def ending_for(type: str, name: str) -> str:
    """Return the ending a stored file gets."""
    return ending_of(name) or _ENDINGS.get(type) or mimetypes.guess_extension(type) or ".bin"
