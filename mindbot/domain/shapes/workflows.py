"""Rows of the API about workflows and routes."""

from __future__ import annotations

from typing import TypedDict


class NearestJson(TypedDict):
    """An example that is like the text; ``workflow`` None: out of scope."""

    text: str
    workflow: str | None
    similarity: float


class CandidateJson(TypedDict):
    """A workflow that may be meant; see `mindbot.domain.routing.WorkflowCandidate`."""

    workflow: str
    score: float
    parts: dict[str, float]
    nearest: list[NearestJson]
    patterns: list[str]


class DecisionJson(TypedDict):
    """Where a message goes, and why; see `mindbot.domain.routing.Decision`."""

    workflow: str | None
    answers: str
    runner: str
    confidence: float
    why: str
    candidates: list[CandidateJson]
    mode: str
    threshold: float
    margin: float
    nearest: list[NearestJson]
    rule: str
    rules: list[str]
    chain: list[str]
    together: list[str]
    split_from: str
    shadow: list[str]
    reply: str
    took_ms: float


class ReplicaJson(TypedDict):
    """One app of a workflow. ``state`` is ok, open (its breaker, until ``until``, Unix seconds), half_open or
    disabled."""

    name: str
    endpoint: str
    state: str
    until: float
    why: str
    in_flight: int


class RunErrorJson(TypedDict):
    """A run that failed; ``ts`` is Unix seconds."""

    ts: float
    kind: str
    why: str
    node: str
    turn: str
    replica: str


class WorkflowJson(TypedDict):
    """A workflow. ``state`` is ok, degraded, open (its breaker), off (switched off) or disabled (its entry).
    Of its ``examples`` in use, ``shipped`` come with MindBot and ``learned`` are corrections.

    Counts are today's; ``success`` is a share of late runs, ``latencies`` (the oldest first) are seconds of
    whole runs, ``satisfaction`` a share of likes among ratings; None where nothing is known.
    """

    name: str
    type: str
    description: str
    state: str
    enabled: bool
    endpoint: str
    priority: int
    examples: int
    shipped: int
    learned: int
    patterns: int
    threshold: float
    timeout: float
    max_retries: int
    in_flight: int
    waiting: int
    concurrency: int
    replicas: list[ReplicaJson]
    split: dict[str, float]
    shadow: dict[str, float]
    fallback: list[str]
    runs_today: int
    failed_today: int
    recovered_today: int
    shadow_today: int
    success: float | None
    latency: float | None
    latencies: list[float]
    satisfaction: float | None
    money_today: float
    tokens_today: int
    currency: str
    errors: list[RunErrorJson]


class WorkflowDayJson(TypedDict):
    """What a workflow did on a day (``2026-11-30``).

    Times are seconds; ``recovery_s`` is the mean time from a failure to the next success, ``p50_s`` and
    ``p95_s`` those of whole runs; None where nothing is known.
    """

    workflow: str
    day: str
    runs: int
    failed: int
    recovered: int
    fallbacks: int
    shadow: int
    p50_s: float | None
    p95_s: float | None
    recovery_s: float | None
    likes: int
    dislikes: int
    tokens: int
    money: float
    currency: str


class RunNodeJson(TypedDict):
    """A node of a run as it went; ``took_ms`` None: it had not ended."""

    name: str
    kind: str
    status: str
    took_ms: float | None
    error: str


class WorkflowRunJson(TypedDict):
    """What a run by hand came to. ``ids`` are the vendor's."""

    workflow: str
    answer: str
    status: str
    error: str
    took_ms: float
    tokens: int
    ids: dict[str, str]
    nodes: list[RunNodeJson]


class ShadowJson(TypedDict):
    """What a workflow would have answered in the shadow (``shadow``), beside what the user got.

    ``ts`` is Unix seconds, ``answered_by`` the workflow or runner whose ``answer`` the user got after
    ``took_ms``.
    """

    ts: float
    turn: str
    text: str
    answered_by: str
    answer: str
    took_ms: float
    shadow: WorkflowRunJson


class RuleJson(TypedDict):
    """A rule of `routes:` and how often it matched since the configuration is in force."""

    name: str
    enabled: bool
    conditions: str
    does: str
    matched: int
    last: float | None


class RouterJson(TypedDict):
    """How the router is. ``state`` is ok or degraded; ``mode`` full, hashed or patterns.

    ``embedder`` is the one in use; of the ``examples`` in use, ``shipped`` come with MindBot.
    """

    state: str
    reason: str
    mode: str
    embedder: str
    judge: str
    threshold: float
    default: str
    workflows: list[str]
    rules: list[RuleJson]
    examples: int
    shipped: int
    learned: int
    pending: int
    decisions: int
    none: int


class LearnedJson(TypedDict):
    """A correction: the text belongs to ``workflow`` (None: to none).

    ``state`` is pending, accepted, rejected or reverted; ``origin`` is operator or feedback. ``by`` and
    ``reviewed_by`` are local users of the daemon's machine; empty: nobody of them.
    """

    id: str
    text: str
    workflow: str | None
    was: str | None
    state: str
    origin: str
    by: str
    turn: str
    ts: float
    note: str
    reviewed_by: str


class MovedJson(TypedDict):
    """A stored message that another configuration would route elsewhere; None: to none."""

    turn: str
    text: str
    before: str | None
    after: str | None
    confidence: float
    why: str


class DatasetJson(TypedDict):
    """A knowledge base of Dify's; ``title`` is its name there, ``error`` why it cannot be asked."""

    name: str
    title: str
    dataset_id: str
    endpoint: str
    documents: int
    error: str


class DatasetDocumentJson(TypedDict):
    """A document of a knowledge base; ``status`` is Dify's word for how far it is indexed, ``created`` Unix
    seconds."""

    id: str
    name: str
    status: str
    words: int
    created: float
    error: str


class DatasetPieceJson(TypedDict):
    """What a question found: a piece of a document; ``answer`` where it is made of questions and answers."""

    text: str
    answer: str
    document: str
    score: float | None
