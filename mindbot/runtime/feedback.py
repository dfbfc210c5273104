"""What users think of answers, as platforms tell later: what they dislike may have gone the wrong way."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from mindbot.domain import fields
from mindbot.domain.errors import MindBotError
from mindbot.domain.shapes.turns import Plain, RouteJson
from mindbot.runtime.generation import Generation
from mindbot.runtime.resources.questions import Questions

log = structlog.get_logger("mindbot.runtime")


class Feedback:
    """Keeps a disliked answer's question among the corrections that wait for a verdict.

    What nobody chose by what it says (a rule did, a form, an operator) is no correction of the router.
    """

    def __init__(self, current: Callable[[], Generation], questions: Questions) -> None:
        self._current = current
        self._questions = questions

    async def heard(self, turn: str, fact: Plain) -> None:
        """Take what a platform told of a turn; it is told in the log where that cannot be kept."""
        verdict = fact.get("feedback")
        if verdict not in ("dislike", "like", "withdrawn"):
            return
        learned = self._current().router.learned
        try:
            if verdict == "dislike":
                await self._disliked(turn, fields.text(fact.get("content")))
            else:
                await learned.withdraw(turn)
        except MindBotError as error:
            log.warning("a user's feedback is no correction", turn=turn, error=str(error))

    async def _disliked(self, turn: str, note: str) -> None:
        queries = await self._questions.queries()
        found = await queries.get_turn(turn)
        route = found["route"]
        if route.get("by") != "message":
            return
        was, other = _meant(route)
        learned = self._current().router.learned
        await learned.suggest(found["text"], other, was=was, turn=turn, note=note)


def _meant(route: RouteJson) -> tuple[str | None, str | None]:
    """Return the workflow that a text was taken for, and the next likely: what might have been meant."""
    names: list[str | None] = [each["workflow"] for each in route.get("candidates", [])]
    if route.get("out_of_scope"):
        return None, names[0] if names else None
    return (names[0] if names else route.get("workflow")), names[1] if len(names) > 1 else None
