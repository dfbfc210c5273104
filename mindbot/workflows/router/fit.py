"""Fits the numbers of calibration.json::

    python -m mindbot.workflows.router.fit WORKFLOWS.yaml LABELLED.jsonl

WORKFLOWS.yaml is a configuration whose workflows have the well-known names (its patterns are fitted with);
LABELLED.jsonl has lines ``{"text", "workflow"}``. Beside those, each example that comes with MindBot is
compared with all others. Prints the JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio
import numpy as np

from mindbot.config.load import load
from mindbot.config.workflows import WorkflowSettings
from mindbot.workflows.languages import language
from mindbot.workflows.router.calibration import Evidence
from mindbot.workflows.router.embedders import LocalVectors
from mindbot.workflows.router.evidence import ExampleSet, Likeness, Likenesses
from mindbot.workflows.router.examples import WELL_KNOWN, gather
from mindbot.workflows.router.hashed import HashedIndex
from mindbot.workflows.router.patterns import Patterns, strengths
from mindbot.workflows.router.vectors import ExampleVectors

CLASSES: tuple[str | None, ...] = (*WELL_KNOWN, None)
#: A labelled utterance counts as much as so many examples.
LABELLED = 3.0
#: Share of what is out of scope that may be taken for something: of labelled utterances, and of examples that
#: are compared with all others (which are as unlike each other as can be).
FALSE_ACCEPTS, FALSE_SHOWN = 0.05, 0.12
LOWEST, HIGHEST = 0.3, 0.8
STEPS, RATE, DECAY = 4000, 0.05, 1e-4

Array = np.ndarray[Any, np.dtype[np.float64]]


class Rows:
    """Evidence by class of each text, and the class it belongs to."""

    def __init__(self) -> None:
        self.evidence: list[list[tuple[float, ...]]] = []
        self.labels: list[int] = []
        self.weights: list[float] = []

    def add(self, evidence: list[Evidence], label: str | None, weight: float) -> None:
        self.evidence.append([each.row() for each in evidence])
        self.labels.append(CLASSES.index(label))
        self.weights.append(weight)


def _evidence(
    hashed: Likenesses, vectors: tuple[Likenesses, float, float] | None, strong: dict[str, float]
) -> list[Evidence]:
    found = []
    for name in CLASSES:
        like = hashed.of.get(name, Likeness())
        near, about = 0.0, 0.0
        if vectors is not None:
            near, about = vectors[0].of[name].above(vectors[1], vectors[2])
        found.append(Evidence(like.best, like.mean, near, about, strong.get(name or "", 0.0)))
    return found


async def rows_of(
    workflows: dict[str, WorkflowSettings], labelled: list[dict[str, Any]], way: str
) -> dict[str, Rows]:
    """Return the rows of each language."""
    examples = gather(workflows, builtin_examples=True)
    shown = ExampleSet(examples)
    hashed = HashedIndex(shown.texts)
    patterns = Patterns({name: each.task_patterns for name, each in workflows.items()})
    found = {"zh": Rows(), "en": Rows()}
    texts = [(each.text, each.workflow, 1.0, i) for i, each in enumerate(examples)]
    texts += [(row["text"], row["workflow"], LABELLED, -1) for row in labelled]
    vectors = ExampleVectors(LocalVectors())
    if way == "full":
        await vectors.prepare(shown.texts)
    for text, label, weight, without in texts:
        like, far = Likenesses(), None
        if way != "patterns":
            like = shown.likenesses(hashed.similarities(text), without=without)
        if way == "full":
            found_far = await vectors.similarities(shown.texts, text)
            far = (
                shown.likenesses(found_far.values, without=without),
                found_far.usual,
                found_far.spread,
            )
        strong = strengths(patterns.matching(text))
        found[language(text)].add(_evidence(like, far, strong), label, weight)
    return found


def fit(rows: Rows) -> dict[str, Any]:
    """Return the numbers that make the labels likeliest, none of them below 0."""
    x = np.array(rows.evidence)
    y = np.array(rows.labels)
    w = np.array(rows.weights) / np.sum(rows.weights)
    outside = CLASSES.index(None)
    hot = np.eye(len(CLASSES))[y]
    theta, none = np.ones(x.shape[2]), 0.0
    first, second = np.zeros(x.shape[2] + 1), np.zeros(x.shape[2] + 1)
    for step in range(1, STEPS + 1):
        p = _shares(x, theta, none, outside)
        pull = w[:, None] * (p - hot)
        slope = np.append(np.einsum("nc,ncf->f", pull, x) + DECAY * theta, pull[:, outside].sum())
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        move = RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-9)
        theta, none = np.maximum(theta - move[:-1], 0), none - move[-1]
    p = _shares(x, theta, none, outside)
    right = (p.argmax(1) == y) & (y != outside)
    typical = np.median(x[right, y[right]], axis=0) if right.any() else np.zeros(x.shape[2])
    return {
        "weights": [round(float(each), 4) for each in theta],
        "none": round(float(none), 4),
        "threshold": round(_threshold(p, y, np.array(rows.weights) == LABELLED, outside), 3),
        "typical": [round(float(each), 4) for each in typical],
    }


def _shares(x: Array, theta: Array, none: float, outside: int) -> Array:
    z = x @ theta
    z[:, outside] += none
    e = np.exp(z - z.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


def _threshold(p: Array, y: Array, labelled: Array, outside: int) -> float:
    """Return the lowest one that keeps what is out of scope out."""
    inside = np.delete(p, outside, 1).max(1)
    inside = np.where(p[:, outside] > inside, 0.0, inside)
    foreign, shown = y == outside, np.logical_not(labelled)
    for threshold in np.arange(LOWEST, HIGHEST, 0.01):
        taken = inside >= threshold
        told, others = taken[foreign & labelled], taken[foreign & shown]
        if told.mean() <= FALSE_ACCEPTS and others.mean() <= FALSE_SHOWN:
            return float(threshold)
    return HIGHEST


async def main(*files: str) -> None:
    """See the module."""
    config, labelled = files
    environ = {
        f"DIFY_{name}_API_KEY": "app-fit"
        for name in ("GENERAL", "CODE", "DOC", "DATA", "CREATIVE", "RESEARCH")
    }
    workflows = dict(load([config], environ=environ).config.workflows)
    text = await anyio.Path(labelled).read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    made = {
        way: {spoken: fit(rows) for spoken, rows in (await rows_of(workflows, lines, way)).items()}
        for way in ("full", "hashed", "patterns")
    }
    json.dump(
        {"made_by": f"python -m mindbot.workflows.router.fit {config} {labelled}", **made},
        sys.stdout,
        indent=1,
    )


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
