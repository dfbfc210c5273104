"""What late messages and corrections suggest: texts of nobody, confusions, workflows that nobody gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from mindbot.api.models import TurnSummary
from mindbot.api.workflow_models import LearnedView, RouterView

_UNSURE = 0.5  # a confidence below is little, where the router finds out itself what is enough
_OFTEN = 2  # how often a text comes before it is told
_MOST = 10  # of each sort
_SHOWN = 60  # characters of a text


def advice(
    router: RouterView, turns: Sequence[TurnSummary], corrections: Iterable[LearnedView]
) -> Iterator[str]:
    """Yield what an operator might mend, each in a line with the command or setting for it."""
    yield from _outside(router, turns)
    yield from _confused(corrections)
    yield from _idle(router, turns)


def _outside(router: RouterView, turns: Sequence[TurnSummary]) -> Iterator[str]:
    unsure = [
        " ".join(each.text.split()).casefold()
        for each in turns
        if each.confidence is not None and each.confidence < (router.threshold or _UNSURE)
    ]
    for text, times in Counter(filter(None, unsure)).most_common(_MOST):
        if times >= _OFTEN:
            shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
            yield f"{times} times nobody was sure about {shown!r}. Say where it belongs: mindbot route learn"


def _confused(corrections: Iterable[LearnedView]) -> Iterator[str]:
    wrong = Counter(
        (each.was, each.workflow)
        for each in corrections
        if each.was != each.workflow and each.state in ("accepted", "pending")
    )
    for (was, workflow), times in wrong.most_common(_MOST):
        if times >= _OFTEN:
            right, wrong_one = workflow or "none", was or "none"
            mend = f"Add examples to {right}, or not_examples to {wrong_one}"
            yield f"{times} corrections from {wrong_one} to {right}. {mend}"


def _idle(router: RouterView, turns: Sequence[TurnSummary]) -> Iterator[str]:
    asked = {each.workflow for each in turns}
    if len(turns) < _MOST:
        return
    for name in router.workflows:
        if name not in asked and name != router.default:
            yield f"none of the last {len(turns)} messages went to {name}. Give it examples, or disable it"
    for rule in router.rules:
        if rule.enabled and not rule.matched and router.decisions >= _MOST:
            yield f"the rule {rule.name} matched none of {router.decisions} messages. Is it still wanted?"
