"""A turn that leaves the machine without what people said or who they are: shapes and lengths stay, names go.

What is not known to say nothing about anybody is taken for words. A text keeps its form: each letter is an
x, each Chinese character a 字, each digit a 0. An id is a hash, the same one in all exports of this machine:
it is made with a key of the machine's, so that nobody finds the id by trying.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from mindbot.api.models import TurnView
from mindbot.domain.message import Json

#: Fields that name somebody, or a conversation of theirs.
_WHO = {"user", "user_name", "user_id", "sender", "session", "chat", "corp", "key", "aliases", "unionid"}
_WHO |= {"to", "conversation", "conversation_id", "sent_id", "message_id", "mentions"}
#: Fields whose texts are words of this program's, a vendor's or the configuration's.
_PLAIN = {"id", "parent", "kind", "status", "state", "origin", "platform", "bot", "provider", "model"}
_PLAIN |= {"runner", "workflow", "rule", "type", "choice", "finish", "role", "path", "turn", "delivery", "by"}
_PLAIN |= {"mode", "replica", "currency", "combine", "level", "object", "format", "response_mode", "stage"}
#: Fields that hold what people brought, whatever stands in them.
_CONTENT = {"vars", "raw", "reply_to", "inputs", "outputs", "body", "arguments", "parts", "reply_parts"}
_CONTENT |= {"message", "notes", "people", "asked"}
_LARGEST = 999_999  # a number beyond is nobody's count; in what people brought it may be a telephone's
_NAME = 12  # letters of a hash
_MACHINE = Path("/etc/machine-id")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_WIDE = re.compile(r"[\u2e80-\U0010ffff]")


def redacted(turn: TurnView) -> TurnView:
    """Return a turn without words and names."""
    return TurnView.model_validate(_fields(turn.to_json(), content=False))


def shape(text: str) -> str:
    """Return the form of a text: its length, its lines, its signs."""
    return "".join(map(_sign, text))


def _sign(c: str) -> str:
    if c.isdigit():
        return "0"
    if _WIDE.match(c):
        return "字"
    return "x" if c.isalpha() else c


def hashed(value: str) -> str:
    """Return what stands for an id."""
    made = blake2b(value.encode("utf-8", "surrogatepass"), key=_key(), digest_size=32).hexdigest()
    return f"#{made[:_NAME]}" if value else value


@cache
def _key() -> bytes:
    """Return the machine's key; one for this process where the machine has no id."""
    try:
        machine = _MACHINE.read_bytes().strip()
    except OSError:
        machine = b""
    return blake2b(b"mindbot export " + (machine or secrets.token_bytes(32)), digest_size=32).digest()


def _fields(value: Mapping[str, Any], *, content: bool) -> Json:
    return {
        # What people brought may have names for fields, too.
        (name if not content or _IDENTIFIER.fullmatch(name) else shape(name)): _field(
            name, each, value, content=content
        )
        for name, each in value.items()
    }


def _field(name: str, value: Any, beside: Mapping[str, Any], *, content: bool) -> Any:
    if name == "name" and isinstance(value, str):
        # A step is called by what is done; one that asks who somebody is, by that person.
        step = "parent" in beside and beside.get("kind") != "people"
        return value if step else shape(value)
    if name in _WHO:
        return _who(value)
    if isinstance(value, str) and name in _PLAIN and not (content and name == "path"):
        return value
    return _value(value, content=content or name in _CONTENT)


def _who(value: Any) -> Any:
    if isinstance(value, str):
        return hashed(value)
    if isinstance(value, list):
        return [_who(each) for each in value]
    return _value(value, content=True)


def _value(value: Any, *, content: bool) -> Any:
    if isinstance(value, str):
        return shape(value)
    if isinstance(value, Mapping):
        return _fields(value, content=content)
    if isinstance(value, list | tuple):
        return [_value(each, content=content) for each in value]
    if content and isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > _LARGEST:
        return 0
    return value
