"""The shapes of rows about juries; see `turns`."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mindbot.domain.shapes.replays import SideJson


class JurorJson(TypedDict):
    """One that is asked: a workflow or a model."""

    workflow: str
    model: str


class VerdictJson(JurorJson):
    """What it has answered, or why it has not."""

    juror: str
    error: str
    answer: NotRequired[SideJson]


class JuryJson(TypedDict):
    """What each has said to the message of a turn."""

    turn: str
    verdicts: list[VerdictJson]
