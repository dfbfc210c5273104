"""What people are shown of failures by their cause: the same in the command line and the console."""

from __future__ import annotations

from mindbot.api.failure_models import BundleView, RetriedBundle
from mindbot.domain.saying import Say, english

TEXTS = (
    *("{n} turns", "1 turn", "{n} answers", "1 answer", "{n} people wait", "1 person waits", "nobody waits"),
    *("{done} of {n} tried again", "{n} left alone: nobody waits for them", "{id}: {why}"),
    "nobody waits for any of these",
)


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
