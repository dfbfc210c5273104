"""The body of a refusal as data: JSON, nearly JSON, or JSON of which only the beginning was read. Pure."""

from __future__ import annotations

import re
from typing import Any

from mindbot.domain import plain

_TEXT = r'"(?:[^"\\]|\\.)*+(?:"|\\?$)'  # the last one may be cut
#: The fields that tell. A quote within a text has a backslash: what is echoed as text tells nothing.
_FIELD = re.compile(
    rf'(?<!\\)"(?P<name>code|type|status|message|msg|param|loc)"\s*+:\s*+(?P<value>{_TEXT}|-?\d++|\[[^\[\]]*+\])',
    re.DOTALL,
)
_NESTED = re.compile(r'\s*\[?\s*\{\s*"error"\s*:\s*\{')


def document(body: bytes) -> Any:
    """Return what a refusal says as JSON; of one that is cut or broken the first field of each telling name.

    Raises:
        ValueError: it is no JSON at all.
    """
    try:
        return plain.loads(body)
    except ValueError:
        if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
            raise
    text = plain.decoded(body)
    found: dict[str, Any] = {}
    for field in _FIELD.finditer(text):
        if field["name"] not in found:
            found[field["name"]] = _value(field["value"])
    if not found:
        raise ValueError("no field of it can be read")
    if "loc" in found:  # FastAPI: one of the details
        found["detail"] = [{"loc": found.pop("loc")}]
    return {"error": found} if _NESTED.match(text) else found


def _value(text: str) -> Any:
    try:
        return plain.loads(text)
    except ValueError:
        return text.strip('"')  # cut within
