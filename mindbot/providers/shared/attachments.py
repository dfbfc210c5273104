"""Pictures, files and sounds on their way to a model: read from disk, or named where it cannot take them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio

from mindbot.domain.chat import Attachment, Capabilities, ChatMessage, ChatPart, Text

#: Bytes of one attachment; vendors take about 20 MB a request, and base64 makes four of three.
MOST_BYTES = 14 << 20


def data_url(attachment: Attachment) -> str:
    """Return what stands for an attachment in JSON: its address, or its bytes as a ``data:`` URL."""
    if attachment.url and not attachment.data:
        return attachment.url
    return f"data:{attachment.type};base64,{encoded(attachment)}"


def encoded(attachment: Attachment) -> str:
    """Return its bytes in base64."""
    return base64.b64encode(attachment.data).decode()


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
    """
    if not any(message.attachments for message in messages):
        return list(messages), []
    out: list[ChatMessage] = []
    left_out: list[str] = []
    for message in messages:
        parts: list[ChatPart] = []
        for part in message.parts:
            if not isinstance(part, Attachment):
                parts.append(part)
                continue
            if part.type and types and not part.type.startswith(types):
                found: Attachment | str = f"the model takes no {part.type}"
            else:
                most = pictures if part.kind == "image" else MOST_BYTES
                found = await _one(part, can, addresses=addresses, most=most)
            if isinstance(found, str):
                left_out.append(f"{_named(part)}: {found}")
                words = f"[{_named(part)}: not shown to you]" if part.alt is None else part.alt
                if words:
                    parts.append(Text(words, part.origin))
            else:
                parts.append(found)
        out.append(ChatMessage(message.role, parts))
    return out, left_out


async def with_bytes(part: Attachment) -> Attachment | str:
    """Return an attachment that holds its bytes, or why there are none."""
    return await _one(
        part, Capabilities(images=True, files=True, audio=True), addresses=False, most=MOST_BYTES
    )


async def _one(part: Attachment, can: Capabilities, *, addresses: bool, most: int) -> Attachment | str:
    takes = {"image": can.images, "file": can.files, "audio": can.audio}[part.kind]
    if not takes:
        return f"the model takes no {part.kind}"
    if part.type not in _TYPES.get(part.kind, (part.type,)):
        return f"no vendor takes {part.type or 'what has no type'}"
    if part.data:
        return part if len(part.data) <= most else "too large"
    if part.url and not part.path:
        return part if addresses else "only its address is known"
    try:
        data = await anyio.to_thread.run_sync(_read, part.path, most)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return "too large" if len(data) > most else replace(part, data=data)


def _read(path: str, most: int) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(most + 1)


def _named(part: Attachment) -> str:
    return f"{part.kind} {part.name}".strip()
