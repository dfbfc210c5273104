"""One call of the local API: its request, and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from mindbot.api import models
from mindbot.domain.errors import Invalid, NotFound
from mindbot.domain.message import Json

T = TypeVar("T")
M = TypeVar("M", bound=models.Answer)


@dataclass(frozen=True, slots=True)
class ApiCall(Generic[T]):
    """One request and how to read its answer. ``timeout`` is seconds; ``also`` are statuses from 400 on whose
    body is an answer as well."""

    method: str
    path: str
    read: Callable[[Any], T]
    query: dict[str, str] = field(default_factory=dict)
    body: Json | None = None
    timeout: float = 30.0
    file: Path | None = None  # sent as the body instead
    also: tuple[int, ...] = ()

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


def one(model: type[M]) -> Callable[[Any], M]:
    return model.model_validate


def many(model: type[M]) -> Callable[[Any], list[M]]:
    return lambda found: [model.model_validate(each) for each in found]


def nothing(_: Any) -> None:
    return None


#: Where the names of things are listed.
_LISTS = {
    "bot": "see: mindbot platform list",
    "provider": "see: mindbot provider list",
    "turn": "see: mindbot turns",
    "breakpoint": "see: mindbot debug list",
    "session": "see: mindbot session list",
    "dead letter": "see: mindbot dlq list",
    "delivery": "see: mindbot queue list",
    "file": "see: mindbot trace TURN --json",
    "bundle": "see: mindbot failures",
    "secret": "see: mindbot secret list",
    "workflow": "see: mindbot workflow list",
    "correction": "see: mindbot route list",
    "dataset": "see: mindbot workflow dataset list",
}


def segment(text: str, what: str) -> str:
    """Return a name as one part of a path.

    Raises:
        Invalid: it is empty: the path would be another one.
        NotFound: it has a slash, which only sessions have.
    """
    if not text:
        raise Invalid(f"which {what}? its name is empty", hint=_LISTS[what])
    if "/" in text and what != "session":
        raise NotFound(f"no {what} {text!r}", hint=_LISTS[what])
    return quote(text, safe="", errors="replace")
