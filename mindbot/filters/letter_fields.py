"""What a filter of dead letters may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindbot.domain.message import Json
from mindbot.filters.fields import Field, FieldSet, Kind

#: A dead letter as a flat record: see `letter_record`.
LETTER_FIELDS = FieldSet(
    (
        Field("id", Kind.TEXT, "the dead letter's id; ids sort by time"),
        Field("turn", Kind.TEXT, "the id of its turn"),
        Field(
            "kind", Kind.TEXT, "a message, a growing answer, or a whole turn", ("message", "stream", "turn")
        ),
        Field("platform", Kind.TEXT, "the chat network: wecom, dingtalk, console, …"),
        Field("bot", Kind.TEXT, "the configured bot on that platform"),
        Field("session", Kind.TEXT, "the conversation"),
        Field("user", Kind.TEXT, "who waits for it"),
        Field("text", Kind.TEXT, "what was not said, or not answered"),
        Field("why", Kind.TEXT, "why it was given up on"),
        Field("attempts", Kind.NUMBER, "how often it was tried"),
        Field("created", Kind.TIME, "when it was to be sent, or arrived"),
        Field("age", Kind.DURATION, "how long ago that is"),
        Field("state", Kind.TEXT, "dead, or what came of what was done about it"),
        Field("acted", Kind.TEXT, "what was done about it lately", ("", "retry", "discard", "restore")),
        Field("words", Kind.TEXT, "everything that its line says"),
    ),
    search="words",
)


def letter_record(letter: Mapping[str, Any], now: float) -> Json:
    """Return what filters see of a dead letter as the API shows it; ``now`` is Unix seconds."""
    id = str(letter.get("id", ""))
    created = float(letter.get("created") or letter.get("received") or 0.0)
    record = {
        name: str(letter.get(name) or "")
        for name in ("kind", "platform", "bot", "session", "user", "text", "state", "acted")
    }
    record |= {"id": id, "turn": id.partition("-")[0]}
    record["why"] = str(letter.get("error") or letter.get("reason") or "")
    words = "\n".join(record.values())
    attempts = int(letter.get("attempts") or 0)
    return {**record, "attempts": attempts, "created": created, "age": now - created, "words": words}
