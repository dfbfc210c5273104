"""The ledger of a model simulator: what it was asked, in order, for tests to read."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp.web import FileField

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import ModelQuestion

#: Headers that hold a key.
_SECRET = frozenset(
    {"authorization", "x-api-key", "x-goog-api-key", "api-key", "proxy-authorization", "cookie"}
)
_SHOWN = 4  # last characters of a key
_BEGIN = 16  # bytes of a file


@dataclass(slots=True)
class Recorded:
    """A request as it came, and what became of it; header names are lower case.

    ``question`` is the same in one form for all vendors, where it asked for an answer. ``status`` is 0 until
    it is answered, ``ended`` true once the whole answer was sent.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: Json = field(default_factory=dict)
    number: int = 0
    query: dict[str, str] = field(default_factory=dict)
    key: str = field(default="", repr=False)
    question: ModelQuestion | None = None
    status: int = 0
    ended: bool = False

    def to_json(self) -> Json:
        """Return it without keys: of the key itself the last characters, to tell one from another."""
        said = self.question.said if self.question else ()
        return {
            "number": self.number,
            "method": self.method,
            "path": self.path,
            "query": {name: value for name, value in self.query.items() if name != "key"},
            "headers": {name: value for name, value in self.headers.items() if name not in _SECRET},
            "key": f"…{self.key[-_SHOWN:]}" if self.key else "",
            "body": self.body,
            "said": [utterance.to_json() for utterance in said],
            "status": self.status,
            "ended": self.ended,
        }


def form_value(value: str | bytes | bytearray | FileField) -> Json | str:
    """Return a field of a form as JSON: of a file its name, type, size, and the bytes it begins with."""
    if isinstance(value, FileField):
        data = value.file.read()
        kind = {"filename": value.filename, "content_type": value.content_type}
        return {**kind, "bytes": len(data), "begins": data[:_BEGIN].hex()}
    return value if isinstance(value, str) else bytes(value).decode(errors="replace")
