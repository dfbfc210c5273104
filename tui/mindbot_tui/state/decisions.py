"""The decision that a turn's steps keep, in words."""

from __future__ import annotations

from collections.abc import Iterator

from mindbot.api.models import TurnView
from mindbot.api.shown import Say
from mindbot.api.shown_routes import explained
from mindbot.api.workflow_models import DecisionView


def decision_of(turn: TurnView) -> DecisionView | None:
    """Return what the router decided; None where nothing was to be decided."""
    for span in turn.spans:
        if span.kind == "rule" and "candidates" in span.data:
            return DecisionView.model_validate(span.data)
    return None


def told(turn: TurnView, say: Say) -> Iterator[str]:
    """Yield where a turn went and why: the whole decision, where there was one, and who answered at last."""
    yield turn.text
    found = decision_of(turn)
    if found is not None:
        yield from explained(found, say)
    elif why := str(turn.route.get("why") or ""):
        yield why
    answered = str(turn.route.get("workflow") or "")
    if found is not None and answered and answered not in (found.workflow, found.answers):
        yield say("answered at last by {workflow}", workflow=answered)
