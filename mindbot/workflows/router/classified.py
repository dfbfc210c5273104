"""What the classifier found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mindbot.domain.routing import Nearest, WorkflowCandidate


@dataclass(frozen=True, slots=True)
class Classified:
    """The workflow that a text is meant for; None: out of scope.

    ``confidence`` is the likeliest workflow's (also when it was not chosen) and ``threshold`` what it needed;
    ``margin`` is how far it is before the next or before *out of scope* (below 0: behind). ``mode`` is how
    texts were compared: full (with an embedder), hashed or patterns; ``degraded`` says why it is not the mode
    that was wanted for this text, or what else failed. ``none`` is the confidence that it belongs to none.
    """

    workflow: str | None
    confidence: float
    candidates: tuple[WorkflowCandidate, ...]
    mode: str
    threshold: float
    margin: float
    nearest: tuple[Nearest, ...]
    why: str
    language: str
    degraded: str = ""
    none: float = 0.0


def why(
    chosen: str | None, best: WorkflowCandidate | None, threshold: float, nearest: Sequence[Nearest]
) -> str:
    """Return in one sentence why a workflow was chosen, or none."""
    near = nearest[0] if nearest else None
    like = ""
    if near is not None:
        of = near.workflow or "out of scope"
        like = f"nearest to “{_cut(near.text)}” ({of}, {near.similarity:.2f})"
    if best is None:
        return "no workflow may be chosen"
    if chosen is None:
        told = f"none is likely enough: {best.workflow} has {best.score:.2f} of {threshold:.2f}"
        return f"{told}; {like}" if like else told
    reasons = [like] if near is not None and near.workflow == chosen else []
    if best.patterns:
        reasons.append(f"its pattern {best.patterns[0]!r} matches")
    told = f"{chosen} has {best.score:.2f} of {threshold:.2f}"
    return f"{told}: {' and '.join(reasons)}" if reasons else told


def _cut(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
