"""What users think of answers: counted by the workflow that gave them, and told to its vendor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import anyio
import structlog

from mindbot.domain.errors import MindBotError
from mindbot.domain.shapes.turns import Json, Plain, TurnJson
from mindbot.runtime.resources.questions import Questions
from mindbot.telemetry.redaction import told
from mindbot.workflows.manager import Workflows

log = structlog.get_logger("mindbot.runtime")

_WAITING = 1000  # ratings that wait; what comes beyond stays with its turn alone
_LIKED = {"like": True, "dislike": False, "withdrawn": None}
_SUMS = {"like": "likes", "dislike": "dislikes"}


class _Answered(NamedTuple):
    workflow: str
    replica: str
    ids: dict[str, str]


class Ratings:
    """See the module."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._send, self._receive = anyio.create_memory_object_stream[tuple[str, Json]](_WAITING)

    async def take(self, turn: str, fact: Plain) -> None:
        """Have a rating worked on that is kept with its turn already; never waits. Other facts are none."""
        if "feedback" not in fact:
            return
        try:
            self._send.send_nowait((turn, dict(fact)))
        except anyio.WouldBlock:
            log.warning("a rating is not counted: too many wait", turn=turn)

    async def run(self, current: Callable[[], Workflows]) -> None:
        """Work on ratings until cancelled; ``current`` returns the workflows in force."""
        async for turn, fact in self._receive:
            try:
                await self._work(turn, fact, current())
            except MindBotError as error:
                log.info("a rating did not reach the vendor", turn=turn, error=told(error))
            except Exception:  # one rating's failure is not the others'
                log.exception("a rating is lost", turn=turn)

    async def _work(self, turn: str, fact: Json, workflows: Workflows) -> None:
        found = await (await self._questions.queries()).get_turn(turn)
        answered = next(_answers(found), None)
        if answered is None or answered.workflow not in workflows.settings:
            return
        verdict = str(fact["feedback"])
        self._count(workflows, answered.workflow, verdict, _before(found, fact))
        member = next(
            (m for m in workflows.members[answered.workflow] if m.replica == answered.replica), None
        )
        if verdict in _LIKED and member is not None and answered.ids:
            app = workflows.app(member, aside=True)
            await app.rate(answered.ids, liked=_LIKED[verdict], note=str(fact.get("content", "")))

    def _count(self, workflows: Workflows, workflow: str, verdict: str, before: str) -> None:
        """Count the verdict, and no longer the one that the same user gave of the same answer before."""
        for each, step in ((before, -1), (verdict, 1)):
            if (name := _SUMS.get(each)) is not None:
                workflows.standing.stats.add(workflow, **{name: step})


def _answers(turn: TurnJson) -> Iterator[_Answered]:
    """Yield the runs of a turn that answered, the last first."""
    for span in reversed(turn["spans"]):
        data = span.get("data", {})
        if span["kind"] == "workflow" and span["status"] == "ok" and "ids" in data:
            yield _Answered(span["name"], str(data.get("replica", "")), dict(data["ids"]))


def _before(turn: TurnJson, fact: Json) -> str:
    """Return the verdict that the same user gave before this one; empty for none.

    More verdicts may be kept with the turn by now.
    """
    of_user = [note for note in turn["notes"] if "feedback" in note and note.get("user") == fact.get("user")]
    this = [n for n, note in enumerate(of_user) if all(note.get(key) == fact[key] for key in fact)]
    return str(of_user[this[-1] - 1]["feedback"]) if this and this[-1] > 0 else ""
