"""What people are shown of the router and what it decides: the same in the command line and the console.

Texts are put together from whole pieces, which the console has in another language as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mindbot.api.shown import Say, cells, english, padded
from mindbot.api.workflow_models import CandidateView, DecisionView, LearnedView, NearestView, RouterView

STATES = ("ok", "degraded")
#: How texts are compared.
MODES = ("full", "hashed", "patterns")
#: What a confidence is made of.
PARTS = ("pattern", "similarity", "judge", "sticky")
#: States of a correction, and who made it.
CORRECTIONS = ("pending", "accepted", "rejected", "reverted", "operator", "feedback")
#: Pieces of which the other texts are made.
TEXTS = (
    *("none", "to {workflow}, {share} sure", "to none ({share} sure): {workflow} answers", "to none"),
    *("by rule {rule}", "answered as the rule says: {reply}", "runner {runner}"),
    *("compared by {mode}", "needs {share}", "{share} before the next", "took {time}"),
    *("instead of {workflow}, by its split", "together: {workflows}", "asked in turn: {workflows}"),
    *(
        "in the shadow: {workflows}",
        "what was weighed",
        "what is most like it",
        "which rules matched",
    ),
    *("embedder {name}", "judge {name}", "default {workflow}", "{n} examples", "{n} decided", "{n} to none"),
    *("{n} learned", "{n} wait for a verdict", "matches {patterns}", "no judge"),
)
_BAR = 12  # cells


def bar(share: float, width: int = _BAR) -> str:
    """Return a share from 0 to 1 as a bar."""
    filled = round(max(0.0, min(share, 1.0)) * width)
    return "█" * filled + "░" * (width - filled)


def decided(found: DecisionView, say: Say = english) -> str:
    """Return in a line where a message goes."""
    share = f"{found.confidence:.2f}"
    if found.reply:
        return say("answered as the rule says: {reply}", reply=found.reply)
    if found.workflow is not None:
        return say("to {workflow}, {share} sure", workflow=found.workflow, share=share)
    if found.answers:
        return say("to none ({share} sure): {workflow} answers", share=share, workflow=found.answers)
    return say(", ").join((say("to none"), say("runner {runner}", runner=found.runner)))


def explained(found: DecisionView, say: Say = english) -> Iterator[str]:
    """Yield where a message goes and why: what was weighed, with its parts as bars, and what is like it."""
    comma = say(", ")
    yield decided(found, say)
    if found.why:
        yield found.why
    if found.rule:
        yield say("by rule {rule}", rule=found.rule)
    how = [say("compared by {mode}", mode=say(found.mode))] if found.mode else []
    if found.threshold:
        how.append(say("needs {share}", share=f"{found.threshold:.2f}"))
    if found.margin:
        how.append(say("{share} before the next", share=f"{found.margin:.2f}"))
    if found.took_ms:
        how.append(say("took {time}", time=f"{found.took_ms:.1f}ms"))
    if how:
        yield comma.join(how)
    if found.split_from:
        yield say("instead of {workflow}, by its split", workflow=found.split_from)
    lists = (
        ("together: {workflows}", found.together),
        ("asked in turn: {workflows}", found.chain if len(found.chain) > 1 else []),
        ("in the shadow: {workflows}", found.shadow),
    )
    yield from (say(text, workflows=comma.join(names)) for text, names in lists if names)
    if found.rules:
        yield f"── {say('which rules matched')} ──"
        yield from found.rules
    if found.candidates:
        yield f"── {say('what was weighed')} ──"
        yield from _weighed(found.candidates, say)
    nearest = found.nearest or [each for c in found.candidates for each in c.nearest]
    if nearest:
        yield f"── {say('what is most like it')} ──"
        yield from _alike(nearest, say)


def _weighed(candidates: Iterable[CandidateView], say: Say) -> Iterator[str]:
    found = list(candidates)
    width = max(cells(each.workflow) for each in found)
    for each in found:
        yield f"{padded(each.workflow, width)} {each.score:.2f} {bar(each.score, 2 * _BAR)}"
        for name, value in each.parts.items():
            if value:
                yield f"  {say(name)} {value:.2f} {bar(value)}"
        if each.patterns:
            yield "  " + say("matches {patterns}", patterns=say(", ").join(each.patterns))


def _alike(nearest: Iterable[NearestView], say: Say) -> Iterator[str]:
    for each in sorted(nearest, key=lambda one: -one.similarity):
        yield f"{each.similarity:.2f} {belongs(each.workflow, say)}  {each.text}"


def belongs(workflow: str | None, say: Say = english) -> str:
    """Return the name of a workflow; a word for none."""
    return say("none") if workflow is None else workflow


def router_settings(found: RouterView, say: Say = english) -> Iterator[str]:
    """Yield what the router goes by, the most important first."""
    yield say("compared by {mode}", mode=say(found.mode))
    yield say("embedder {name}", name=found.embedder or "-")
    yield say("judge {name}", name=found.judge) if found.judge else say("no judge")
    if found.threshold:
        yield say("needs {share}", share=f"{found.threshold:.2f}")
    if found.default:
        yield say("default {workflow}", workflow=found.default)


def router_counts(found: RouterView, say: Say = english) -> Iterator[str]:
    """Yield what the router has decided and learned, the most important first."""
    yield say("{n} decided", n=found.decisions)
    yield say("{n} to none", n=found.none)
    yield say("{n} wait for a verdict", n=found.pending)
    yield say("{n} learned", n=found.learned)
    yield say("{n} examples", n=found.examples)


def router_facts(found: RouterView, say: Say = english) -> Iterator[str]:
    """Yield what is known of the router."""
    yield from router_settings(found, say)
    yield from router_counts(found, say)


def corrected(found: LearnedView, say: Say = english) -> str:
    """Return in a line what a correction says."""
    return f"{belongs(found.was, say)} → {belongs(found.workflow, say)}"
