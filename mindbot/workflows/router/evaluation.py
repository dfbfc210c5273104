"""How often a router is right, by labelled texts: lines ``{"text", "workflow": name or null}``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from mindbot.config.model import Config
from mindbot.domain.errors import Invalid
from mindbot.domain.routing import RouteQuestion
from mindbot.workflows.languages import language
from mindbot.workflows.router.alone import router_alone
from mindbot.workflows.router.assembling import classifier_of

#: What out of scope is called where a name is wanted.
NONE = "none"


class TallyJson(TypedDict):
    """Shares are 0 to 1; None where there are no such lines."""

    lines: int
    accuracy: float | None
    out_of_scope: int
    false_accepts: int
    false_accept_rate: float | None
    overall: float | None


class MissJson(TypedDict):
    """A line that went elsewhere."""

    line: int
    text: str
    wanted: str | None
    got: str | None
    confidence: float
    why: str


class EvaluationJson(TallyJson):
    """See `Evaluation`."""

    mode: str
    degraded: str
    languages: dict[str, TallyJson]
    confusion: dict[str, dict[str, int]]
    misses: list[MissJson]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and where it belongs; ``workflow`` None: out of scope. ``line`` counts from 1."""

    line: int
    text: str
    workflow: str | None


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a labelled text went."""

    wanted: Labelled
    got: str | None
    confidence: float
    why: str

    @property
    def right(self) -> bool:
        """Whether it went where it belongs."""
        return self.got == self.wanted.workflow


def tally(routed: Sequence[Routed]) -> TallyJson:
    """Return how many went where they belong. ``accuracy`` is of lines with a workflow, ``overall`` of all; a
    false accept is a line out of scope that a workflow took."""
    inside = [each.right for each in routed if each.wanted.workflow is not None]
    taken = [not each.right for each in routed if each.wanted.workflow is None]
    return {
        "lines": len(routed),
        "accuracy": _share(inside),
        "out_of_scope": len(taken),
        "false_accepts": sum(taken),
        "false_accept_rate": _share(taken),
        "overall": _share([each.right for each in routed]),
    }


def _share(of: Sequence[bool]) -> float | None:
    return round(sum(of) / len(of), 4) if of else None


@dataclass(slots=True)
class Evaluation:
    """What came of all lines. ``mode`` is how texts were compared, ``degraded`` why not as configured."""

    routed: list[Routed] = field(default_factory=list)
    mode: str = ""
    degraded: str = ""

    def confusion(self) -> dict[str, dict[str, int]]:
        """Return how many lines of each workflow went where."""
        found: dict[str, dict[str, int]] = {}
        for each in self.routed:
            row = found.setdefault(each.wanted.workflow or NONE, {})
            row[each.got or NONE] = row.get(each.got or NONE, 0) + 1
        return found

    def to_json(self) -> EvaluationJson:
        spoken: dict[str, list[Routed]] = {}
        for each in self.routed:
            spoken.setdefault(language(each.wanted.text), []).append(each)
        return {
            **tally(self.routed),
            "mode": self.mode,
            "degraded": self.degraded,
            "languages": {name: tally(some) for name, some in sorted(spoken.items())},
            "confusion": self.confusion(),
            "misses": [
                {
                    "line": each.wanted.line,
                    "text": each.wanted.text,
                    "wanted": each.wanted.workflow,
                    "got": each.got,
                    "confidence": round(each.confidence, 4),
                    "why": each.why,
                }
                for each in self.routed
                if not each.right
            ],
        }


def labelled(file: Path, config: Config) -> list[Labelled]:
    """Return the lines of a file; raises Invalid, with the file and line of each that is none."""
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"cannot read {file}: {error}") from error
    found, wrong = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(_labelled(number, line, config))
        except ValueError as error:
            wrong.append(f"{file}:{number}: {error}")
    if wrong:
        raise Invalid("\n".join(wrong), hint='a line is {"text": "…", "workflow": "name"} or null')
    if not found:
        raise Invalid(f"{file} has no lines", hint='a line is {"text": "…", "workflow": "name"} or null')
    return found


def _labelled(number: int, line: str, config: Config) -> Labelled:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}") from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or "workflow" not in row:
        raise ValueError("should be an object with a text and a workflow")
    workflow = row["workflow"]
    if workflow is not None and workflow not in config.workflows:
        there = ", ".join(config.workflows) or "there are none"
        raise ValueError(f"{workflow!r} is no workflow of the configuration ({there})")
    return Labelled(number, row["text"], workflow)


async def evaluate(config: Config, lines: Sequence[Labelled]) -> Evaluation:
    """Route each line as a message of its own.

    Raises:
        MindBotError: the embedder that is configured fails.
    """
    classifier = classifier_of(config, None)
    await classifier.prepare()
    router = router_alone(config, classifier)
    found = Evaluation()
    for line in lines:
        decision = await router.decide(RouteQuestion(line.text), count=False)
        found.routed.append(Routed(line, decision.workflow, decision.confidence, decision.why))
    found.mode, found.degraded = router.mode, router.degraded
    return found


def told(found: EvaluationJson) -> Iterator[str]:
    """Yield what an evaluation came to, for people."""
    yield f"mode {found['mode']}" + (f", {found['degraded']}" if found["degraded"] else "")
    for name, some in (("all", _tally_of(found)), *found["languages"].items()):
        yield (
            f"{name:4} accuracy {_percent(some['accuracy'])} of {some['lines'] - some['out_of_scope']}, "
            f"false accepts {_percent(some['false_accept_rate'])} of {some['out_of_scope']}"
        )
    yield "confusion (wanted: got):"
    for wanted, row in found["confusion"].items():
        got = ", ".join(f"{name} {count}" for name, count in sorted(row.items(), key=lambda at: -at[1]))
        yield f"  {wanted}: {got}"
    if found["misses"]:
        yield "misses:"
    for miss in found["misses"]:
        yield f"  {miss['line']}: {miss['wanted'] or NONE} → {miss['got'] or NONE}  {miss['text']}"


def _tally_of(found: EvaluationJson) -> TallyJson:
    return {
        "lines": found["lines"],
        "accuracy": found["accuracy"],
        "out_of_scope": found["out_of_scope"],
        "false_accepts": found["false_accepts"],
        "false_accept_rate": found["false_accept_rate"],
        "overall": found["overall"],
    }


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
