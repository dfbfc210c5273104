"""Pictures, files and sounds on their way to a model: read from disk, or named where it cannot take them."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio

from mindbot.domain import origins
from mindbot.domain.chat import Attachment, Capabilities, ChatMessage, ChatPart, Text

#: Bytes of one attachment; vendors take about 20 MB a request, and base64 makes four of three.
MOST_BYTES = 14 << 20
#: Bytes of all attachments of a request: 20 MB in base64.
MOST_TOGETHER = 15 << 20
#: Bytes of a request's attachments from which making JSON of them is not the event loop's work.
LARGE = 1 << 20
_PIECE = (
    768 << 10
)  # bytes that become base64 at once, a multiple of three: other threads get their turn between


def data_url(attachment: Attachment) -> str:
    """Return what stands for an attachment in JSON: its address, or its bytes as a ``data:`` URL."""
    if attachment.url and not attachment.data:
        return attachment.url
    return f"data:{attachment.type};base64,{encoded(attachment)}"


def encoded(attachment: Attachment) -> str:
    """Return its bytes in base64."""
    data = memoryview(attachment.data)
    return "".join(base64.b64encode(data[at : at + _PIECE]).decode() for at in range(0, len(data), _PIECE))


def weight(messages: Sequence[ChatMessage]) -> int:
    """Return the bytes that the attachments of these lines hold."""
    return sum(len(part.data) for message in messages for part in message.attachments)


#: What vendors take of pictures and sounds; OpenAI, Anthropic and Google document these.
_TYPES = {
    "image": frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"}),
    "audio": frozenset({"audio/mpeg", "audio/mp3", "audio/wav", "audio/x-wav", "audio/ogg", "audio/flac"}),
}


async def ready(
    messages: Sequence[ChatMessage],
    can: Capabilities,
    *,
    addresses: bool = True,
    types: tuple[str, ...] = (),
    pictures: int = MOST_BYTES,
) -> tuple[list[ChatMessage], list[str]]:
    """Return lines whose attachments hold their bytes, and what was left out of them and why.

    What the model cannot take (``can``; without ``addresses`` also what only an address is known of), or what
    cannot be read, is named in the words instead (`Attachment.alt`): the model then knows that it was there.
    So is what has no room in one request (`MOST_TOGETHER`): the oldest lines lose theirs first.
    """
    if not any(message.attachments for message in messages):
        return list(messages), []
    out: list[ChatMessage] = []
    left_out: list[str] = []
    room = MOST_TOGETHER
    for message in reversed(messages):
        parts: list[ChatPart] = []
        missing: list[str] = []
        for part in message.parts:
            if not isinstance(part, Attachment):
                parts.append(part)
                continue
            if part.type and types and not part.type.startswith(types):
                found: Attachment | str = f"the model takes no {part.type}"
            else:
                most = pictures if part.kind == "image" else MOST_BYTES
                found = await _one(part, can, addresses=addresses, most=most, room=room)
            if isinstance(found, str):
                missing.append(f"{_named(part)}: {found}")
                words = f"[{_named(part)}: not shown to you]" if part.alt is None else part.alt
                if words:
                    parts.append(Text(words, origins.STAND_IN))
            else:
                room -= len(found.data)
                parts.append(found)
        out.append(ChatMessage(message.role, parts))
        left_out[:0] = missing
    return out[::-1], left_out


async def with_bytes(part: Attachment) -> Attachment | str:
    """Return an attachment that holds its bytes, or why there are none."""
    can = Capabilities(images=True, files=True, audio=True)
    return await _one(part, can, addresses=False, most=MOST_BYTES, room=MOST_TOGETHER)


async def _one(
    part: Attachment, can: Capabilities, *, addresses: bool, most: int, room: int
) -> Attachment | str:
    takes = {"image": can.images, "file": can.files, "audio": can.audio}[part.kind]
    if not takes:
        return f"the model takes no {part.kind}"
    if part.type not in _TYPES.get(part.kind, (part.type,)):
        return f"no vendor takes {part.type or 'what has no type'}"
    if part.data:
        return _fitting(part, most, room)
    if part.url and not part.path:
        return part if addresses else "only its address is known"
    try:
        data = await anyio.to_thread.run_sync(_read, part.path, most, room)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return _fitting(replace(part, data=data), most, room)


def _fitting(part: Attachment, most: int, room: int) -> Attachment | str:
    if len(part.data) > most:
        return "too large"
    return part if len(part.data) <= room else "too large beside the others"


def _read(path: str, most: int, room: int) -> bytes:
    """Read a file, but no more of one than tells that it is too large."""
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return file.read(min(most, room if size <= most else most) + 1)


def _named(part: Attachment) -> str:
    return f"{part.kind} {part.name}".strip()
