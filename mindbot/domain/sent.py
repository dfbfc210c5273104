"""What went out to a vendor, as it went out: kept in the step that asked.

The body is kept as the JSON it is. What is written of it again (`mindbot.domain.plain.dumps`) is what was
sent, byte for byte; only what is very long is cut, and says so. Neither keys nor addresses are kept: of where
it went only the path.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from mindbot.domain.message import Json

#: Where the calls of a step are kept in its data.
SENT = "sent"
#: Characters of a request that is kept whole. A conversation is seldom longer; pictures in it are.
MOST = 256 << 10
_LONGEST = (16 << 10, 4 << 10, 1 << 10, 256)  # characters of a text in a longer one, tried in turn
_TAIL = 4  # what part of a cut text is its end
_ENTRIES = 400  # of a list in a longer one
_ASKED = frozenset({"alt", "api-version"})  # of a query that are kept
_ENTRY = 8  # characters that an entry takes beside its texts, about


def note_sent(notes: Json, url: str, body: Json, **who: Any) -> None:
    """Keep a call in a step's data, behind those before it; ``who`` was asked."""
    calls: list[Json] = notes.setdefault(SENT, [])
    call: Json = {**who, "path": _path(url), "body": body}
    if length(body) > MOST:
        call["body"], call["cut_from"] = clipped(body), length(body)
    for n, before in enumerate(calls, 1):
        if before.get("body") == call["body"]:  # a try again takes no room
            del call["body"]
            call["as"] = n
            break
    calls.append(call)


def _path(url: str) -> str:
    """Return where a call went, without the host; of a query what says how, for it may hold a key."""
    parts = urlsplit(url)
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name in _ASKED])
    return f"{parts.path}?{query}" if query else parts.path


def bodies(calls: Sequence[Json]) -> list[Json | None]:
    """Return the body of each call; None of one that is none."""
    found: list[Json | None] = []
    for call in calls:
        same = call.get("as")
        if isinstance(same, int) and 0 < same <= len(found):
            found.append(found[same - 1])
        else:
            found.append(call["body"] if isinstance(call.get("body"), dict) else None)
    return found


def length(value: Any) -> int:
    """Return how many characters JSON takes, about."""
    if isinstance(value, str):
        return len(value) + _ENTRY
    if isinstance(value, dict):
        return sum(len(key) + length(each) for key, each in value.items())
    if isinstance(value, list | tuple):
        return sum(map(length, value)) + _ENTRY
    return _ENTRY


def clipped(value: Any, most: int = MOST) -> Any:
    """Return JSON of about ``most`` characters: of long texts and lists the head and the end stay.

    What is cut stands in it as text. JSON that is short enough comes back as it is.
    """
    found = value
    for longest in _LONGEST:
        if length(found) <= most:
            break
        found = _cut(value, longest)  # of the whole again: the mark says how much is left out of that
    return found


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return clipped_text(value, longest)
    if isinstance(value, dict):
        return {key: _cut(each, longest) for key, each in value.items()}
    if isinstance(value, list | tuple):
        if len(value) > _ENTRIES:
            half = _ENTRIES // 2
            mark = f"… {len(value) - 2 * half:,} entries left out …"
            value = [*value[:half], mark, *value[-half:]]
        return [_cut(each, longest) for each in value]
    return value


def clipped_text(text: str, longest: int) -> str:
    """Return a text of ``longest`` characters, but for the mark where it is cut: its head and its end."""
    if len(text) <= longest:
        return text
    tail = longest // _TAIL
    return f"{text[: longest - tail]}… {len(text) - longest:,} characters left out …{text[-tail:]}"
