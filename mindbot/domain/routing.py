"""What is routed, and what was decided: nouns of the workflow router."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mindbot.domain.message import Message
from mindbot.domain.shapes.workflows import CandidateJson, DecisionJson, NearestJson


@dataclass(frozen=True, slots=True)
class RouteQuestion:
    """A message as rules and the classifier see it. ``ts`` is Unix seconds.

    ``previous`` is the workflow that answered last in the session, ``previous_ts`` when (0: never).
    """

    text: str
    platform: str = "console"
    bot: str = "default"
    user: str = ""
    group: str = ""
    session: str = ""
    kind: str = "text"
    kinds: tuple[str, ...] = ("text",)
    departments: tuple[str, ...] = ()
    ts: float = 0.0
    previous: str = ""
    previous_ts: float = 0.0
    vars: Mapping[str, object] = field(default_factory=dict)
    user_name: str = ""
    quote: str = ""

    @classmethod
    def of(
        cls,
        message: Message,
        *,
        departments: tuple[str, ...] = (),
        previous: str = "",
        previous_ts: float = 0.0,
        vars: Mapping[str, object] | None = None,
        user_name: str = "",
    ) -> RouteQuestion:
        """Return what a message asks."""
        kinds = tuple(dict.fromkeys(part.kind for part in message.parts if not part.foreign))
        return cls(
            message.said,
            message.platform,
            message.bot,
            message.sender,
            message.chat if message.chat != message.sender else "",
            message.session,
            message.kind,
            kinds or (message.kind,),
            departments,
            message.ts or message.received,
            previous,
            previous_ts,
            vars or {},
            user_name,
            "\n".join(part.text for part in message.parts if part.kind == "quote"),
        )


@dataclass(frozen=True, slots=True)
class Nearest:
    """An example that is like the text; ``similarity`` is -1 to 1. ``workflow`` None: out of scope."""

    text: str
    workflow: str | None
    similarity: float

    def to_json(self) -> NearestJson:
        return {"text": self.text, "workflow": self.workflow, "similarity": round(self.similarity, 4)}


@dataclass(frozen=True, slots=True)
class WorkflowCandidate:
    """A workflow that may be meant. ``score`` is a calibrated confidence, 0 to 1; ``parts`` is what it is
    made of (pattern, similarity, judge, sticky), each 0 to 1."""

    workflow: str
    score: float
    parts: Mapping[str, float] = field(default_factory=dict)
    nearest: tuple[Nearest, ...] = ()
    patterns: tuple[str, ...] = ()

    def to_json(self) -> CandidateJson:
        return {
            "workflow": self.workflow,
            "score": round(self.score, 4),
            "parts": {name: round(value, 4) for name, value in self.parts.items()},
            "nearest": [each.to_json() for each in self.nearest],
            "patterns": list(self.patterns),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a message goes, and why.

    ``workflow`` is None for what belongs to none; then ``answers`` is who answers all the same (the default
    workflow), empty for a runner alone. ``mode`` is how texts were compared: ``full`` (with an embedder),
    ``hashed`` or ``patterns`` (only those). ``chain`` are the workflows that are asked, in order; ``by`` is
    who decided (message, rule, form or configuration), ``rules`` a line for each rule that matched.
    """

    workflow: str | None
    runner: str
    confidence: float = 0.0
    why: str = ""
    answers: str = ""
    candidates: tuple[WorkflowCandidate, ...] = ()
    mode: str = "hashed"
    threshold: float = 0.0
    margin: float = 0.0
    nearest: tuple[Nearest, ...] = ()
    rule: str = ""
    rules: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    combine: str = "join"
    then: tuple[str, ...] = ()
    on_error: str = ""
    split_from: str = ""
    shadow: tuple[str, ...] = ()
    reply: str = ""
    vars: Mapping[str, str] = field(default_factory=dict)
    took_ms: float = 0.0
    by: str = "message"

    def to_json(self) -> DecisionJson:
        return {
            "workflow": self.workflow,
            "answers": self.answers,
            "runner": self.runner,
            "confidence": round(self.confidence, 4),
            "why": self.why,
            "candidates": [each.to_json() for each in self.candidates],
            "mode": self.mode,
            "threshold": self.threshold,
            "margin": round(self.margin, 4),
            "nearest": [each.to_json() for each in self.nearest],
            "rule": self.rule,
            "rules": list(self.rules),
            "chain": list(self.chain),
            "together": list(self.together),
            "split_from": self.split_from,
            "shadow": list(self.shadow),
            "reply": self.reply,
            "took_ms": round(self.took_ms, 3),
        }
