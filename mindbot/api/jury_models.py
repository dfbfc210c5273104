"""What the API says and takes of juries; see `mindbot.api.models`."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from mindbot.api.models import Answer, Order
from mindbot.api.replay_models import ReplaySide


class Juror(Order):
    """One that is asked: a ``workflow``, or a ``model`` (PROVIDER, PROVIDER/MODEL or MODEL)."""

    workflow: str = Field(default="", max_length=128)
    model: str = Field(default="", max_length=256)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.workflow) == bool(self.model):
            raise ValueError("a juror is a workflow or a model")
        return self


class AskJury(Order):
    """Who is asked, and how many seconds all of them have."""

    jurors: list[Juror] = Field(min_length=1, max_length=6)
    timeout: float = Field(default=60.0, gt=0, le=3600, strict=False)


class JuryVerdict(Answer):
    """What a juror has answered (``answer``), or why it has not (``error``)."""

    juror: str = ""
    workflow: str = ""
    model: str = ""
    error: str = ""
    answer: ReplaySide = ReplaySide()


class JuryView(Answer):
    """What each has said to the message of a turn, in the order in which they were named; nobody got any of
    it."""

    turn: str = ""
    verdicts: list[JuryVerdict] = Field(default_factory=list)
