"""What people are shown of failures by their cause: the same in the command line and the console."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.api.failure_models import BundleView, RerunsView, RerunView, RetriedBundle
from mindbot.domain.saying import Say, english

TEXTS = (
    *("{n} turns", "1 turn", "{n} answers", "1 answer", "{n} people wait", "1 person waits", "nobody waits"),
    *("{done} of {n} tried again", "{n} left alone: nobody waits for them", "{id}: {why}"),
    *("nobody waits for any of these", "answered", "failed again: {why}", "failed again", "still running"),
    *("{answered} answered, {failed} failed again, {running} still running", "{who} · {id}: {what}"),
    "what comes of the others is no longer waited for",
)

#: Seconds that it is waited for what comes of trying again, and between two looks at it.
PATIENCE, PAUSE = 120.0, 0.5


def amount(bundle: BundleView, say: Say = english) -> str:
    """Return how many turns failed, or answers did not arrive."""
    many, single = ("{n} answers", "1 answer") if bundle.kind == "undelivered" else ("{n} turns", "1 turn")
    return say(single) if bundle.turns == 1 else say(many, n=bundle.turns)


def waiting(bundle: BundleView, say: Say = english) -> str:
    """Return how many people wait."""
    if bundle.waiting == 1:
        return say("1 person waits")
    return say("{n} people wait", n=bundle.waiting) if bundle.waiting else say("nobody waits")


def what(bundle: BundleView) -> str:
    """Return what failed, and why: ``openai: 500: the server had an error``."""
    words = ": ".join(part for part in (bundle.error, bundle.cause) if part)
    return ": ".join(part for part in (bundle.component, words) if part)


def retried(done: RetriedBundle, say: Say = english) -> list[str]:
    """Return what came of trying a bundle again: the sum, and each that could not be."""
    if not done.settled:
        told = [say("nobody waits for any of these")]
    else:
        well = sum(each.done for each in done.settled)
        told = [say("{done} of {n} tried again", done=well, n=len(done.settled))]
    if done.left:
        told.append(say("{n} left alone: nobody waits for them", n=done.left))
    refused = (each for each in done.settled if not each.done)
    return told + [
        each.why if each.why.startswith(each.id) else say("{id}: {why}", id=each.id, why=each.why)
        for each in refused
    ]


def came(rerun: RerunView, say: Say = english) -> str:
    """Return what came of trying one again."""
    if rerun.outcome == "failed":
        return say("failed again: {why}", why=rerun.why) if rerun.why else say("failed again")
    return say("answered" if rerun.outcome == "answered" else "still running")


def rerun(found: RerunsView, say: Say = english) -> list[str]:
    """Return what came of trying a bundle again: the sum, and each."""
    count = {state: _count(found.reruns, state) for state in ("answered", "failed", "running")}
    told = [say("{answered} answered, {failed} failed again, {running} still running", **count)]
    for each in found.reruns:
        who = each.user_name or each.user
        told.append(say("{who} · {id}: {what}", who=who, id=each.id, what=came(each, say)))
    return told


def among(found: RerunsView, done: RetriedBundle) -> RerunsView:
    """Return what came of those that were tried again just now."""
    now = {each.id for each in done.settled if each.done}
    reruns = [each for each in found.reruns if each.id in now]
    return RerunsView(ended=not _count(reruns, "running"), reruns=reruns)


def all_answered(found: RerunsView, done: RetriedBundle) -> bool:
    """Whether each has its answer."""
    return _count(found.reruns, "answered") == len(done.settled)


def _count(reruns: Iterable[RerunView], outcome: str) -> int:
    return sum(each.outcome == outcome for each in reruns)
