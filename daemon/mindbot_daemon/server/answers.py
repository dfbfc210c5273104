"""How answers are written: every value has a place in JSON, and no known secret in it has one.

What reaches the API was masked where it came to be (`mindbot.telemetry.redaction`). This is the last net: a
field that somebody adds later leaves through here too.
"""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from mindbot.domain.plain import dumps
from mindbot.domain.shapes.daemon import ProblemJson
from mindbot.telemetry.redaction import redactor, told


class Answer(JSONResponse):
    """JSON that can always be written, with registered secrets masked."""

    def render(self, content: Any) -> bytes:
        return dumps(redactor.known(content))


def said(problem: ProblemJson) -> ProblemJson:
    """Return an error's body with its words masked and bounded: vendors repeat what they were sent."""
    words: ProblemJson = {**problem}
    if problem["message"]:
        words["message"] = told(problem["message"])
    if problem["hint"]:
        words["hint"] = told(problem["hint"])
    if found := problem.get("problems"):
        words["problems"] = [told(each) for each in found]
    return words
