"""Files as forms: what vendors take beside JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mindbot.domain.chat import Attachment

if TYPE_CHECKING:
    from aiohttp import FormData


def multipart(fields: Mapping[str, str], file: Attachment) -> FormData:
    """Return a form (RFC 7578) with fields and a file that holds its bytes; it can be sent once."""
    from aiohttp import FormData

    form = FormData(quote_fields=False)
    for name, value in fields.items():
        form.add_field(name, value)
    form.add_field("file", file.data, filename=file_name(file), content_type=file.type or None)
    return form


def file_name(file: Attachment) -> str:
    """Return a name by whose ending a vendor knows what a file is; no quote or line end is in it."""
    name = "".join(c for c in file.name if c.isprintable() and c not in '"\\/')
    if "." in name.strip("."):
        return name
    ending = file.type.partition(";")[0].partition("/")[2].removeprefix("x-")
    return f"{name or file.kind}.{_ENDINGS.get(ending, ending or 'bin')}"


_ENDINGS = {"jpeg": "jpg", "mpeg": "mp3", "plain": "txt", "svg+xml": "svg", "octet-stream": "bin"}
