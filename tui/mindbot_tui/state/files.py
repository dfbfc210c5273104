"""The files of a turn that can be saved: those that came with its message, and those that went out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mindbot.api.models import TurnView
from mindbot.domain.message import Json
from mindbot.domain.names import saved_name
from mindbot_tui.cells import size


@dataclass(frozen=True, slots=True)
class TurnFile:
    """``id`` names it in the media store; ``name`` is harmless, ``about`` tells its type and size."""

    id: str
    name: str
    about: str


def files_of(turn: TurnView) -> list[TurnFile]:
    """Return the files of a turn, each once, in the order they came and went."""
    found: dict[str, Json] = {}
    for id, facts in _all(turn):
        known = {name: facts[name] for name in ("name", "type", "size") if facts.get(name)}
        found[id] = {**found.get(id, {}), **known}
    return [_file(id, facts) for id, facts in found.items()]


def missing(turn: TurnView) -> str:
    """Return why a file of its message is not there; empty when none was missed."""
    errors = (span.data.get("error") for span in turn.spans if span.kind == "media")
    return next((str(error) for error in errors if error), "")


def _all(turn: TurnView) -> Iterator[tuple[str, Json]]:
    yield from _media(turn.message.get("parts"))
    for span in turn.spans:
        if span.kind == "media" and isinstance(id := span.data.get("id"), str) and id:
            yield id, span.data
    yield from _media(turn.reply_parts)
    for each in turn.deliveries:
        yield from _media(each.get("parts"))


def _media(parts: Any) -> Iterator[tuple[str, Json]]:
    for part in parts if isinstance(parts, Sequence) else ():
        data = part.get("data") if isinstance(part, dict) else None
        if isinstance(data, dict) and isinstance(id := data.get("media"), str) and id:
            yield id, data


def _file(id: str, facts: Json) -> TurnFile:
    bytes = facts.get("size")
    about = [str(facts.get("type") or ""), size(bytes) if isinstance(bytes, int | float) else ""]
    return TurnFile(
        id, saved_name(str(facts.get("name") or ""), id), " ".join(each for each in about if each)
    )
