"""What the local API says of workflows and of how messages are routed, as JSON models."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mindbot.api.models import Answer, Order


class NearestView(Answer):
    """An example that is like the text; ``workflow`` null: out of scope. ``similarity`` is -1 to 1."""

    text: str = ""
    workflow: str | None = None
    similarity: float = 0.0


class CandidateView(Answer):
    """A workflow that may be meant: its confidence, what that is made of (pattern, similarity, judge, sticky;
    each 0 to 1), the examples that are nearest, the patterns that match."""

    workflow: str = ""
    score: float = 0.0
    parts: dict[str, float] = Field(default_factory=dict)
    nearest: list[NearestView] = Field(default_factory=list)
    patterns: list[str] = Field(default_factory=list)


class DecisionView(Answer):
    """Where a message goes, and why. ``workflow`` null: it belongs to none, and ``answers`` answers all the
    same. ``mode`` is how texts were compared: full, hashed or patterns."""

    workflow: str | None = None
    answers: str = ""
    runner: str = ""
    confidence: float = 0.0
    why: str = ""
    candidates: list[CandidateView] = Field(default_factory=list)
    mode: str = ""
    threshold: float = 0.0
    margin: float = 0.0
    nearest: list[NearestView] = Field(default_factory=list)
    rule: str = ""
    rules: list[str] = Field(default_factory=list)
    chain: list[str] = Field(default_factory=list)
    together: list[str] = Field(default_factory=list)
    split_from: str = ""
    shadow: list[str] = Field(default_factory=list)
    reply: str = ""
    took_ms: float = 0.0


class ReplicaView(Answer):
    """One app of a workflow; ``state`` is ok, open (its breaker, until ``until``, Unix seconds), half_open or
    disabled."""

    name: str = ""
    endpoint: str = ""
    state: str = ""
    until: float = 0.0
    why: str = ""
    in_flight: int = 0


class RunErrorView(Answer):
    """A run that failed: when (Unix seconds), its kind, its words, the node, the turn, the replica."""

    ts: float = 0.0
    kind: str = ""
    why: str = ""
    node: str = ""
    turn: str = ""
    replica: str = ""


class WorkflowView(Answer):
    """A workflow. ``state`` is ok, degraded, open (its breaker), off (switched off) or disabled.

    Counts are today's; ``success`` is a share of late runs, ``latency`` and ``latencies`` (the oldest first)
    are seconds of whole runs, ``satisfaction`` is the share of likes; ``split`` and ``shadow`` are percent.
    Of the ``examples`` in use ``shipped`` come with MindBot and ``learned`` are corrections.
    """

    name: str = ""
    type: str = ""
    description: str = ""
    state: str = ""
    enabled: bool = False
    endpoint: str = ""
    priority: int = 0
    examples: int = 0
    shipped: int = 0
    learned: int = 0
    patterns: int = 0
    threshold: float = 0.0
    timeout: float = 0.0
    max_retries: int = 0
    in_flight: int = 0
    waiting: int = 0
    concurrency: int = 0
    replicas: list[ReplicaView] = Field(default_factory=list)
    split: dict[str, float] = Field(default_factory=dict)
    shadow: dict[str, float] = Field(default_factory=dict)
    fallback: list[str] = Field(default_factory=list)
    runs_today: int = 0
    failed_today: int = 0
    recovered_today: int = 0
    shadow_today: int = 0
    success: float | None = None
    latency: float | None = None
    latencies: list[float] = Field(default_factory=list)
    satisfaction: float | None = None
    money_today: float = 0.0
    tokens_today: int = 0
    currency: str = ""
    errors: list[RunErrorView] = Field(default_factory=list)


class WorkflowDayView(Answer):
    """What a workflow did on a day (``2026-11-30``). Times are seconds: of whole runs, and of the way from a
    failure to the next success; null where nothing is known."""

    workflow: str = ""
    day: str = ""
    runs: int = 0
    failed: int = 0
    recovered: int = 0
    fallbacks: int = 0
    shadow: int = 0
    p50_s: float | None = None
    p95_s: float | None = None
    recovery_s: float | None = None
    likes: int = 0
    dislikes: int = 0
    tokens: int = 0
    money: float = 0.0
    currency: str = ""


class RunNodeView(Answer):
    """A node of a run as it went; ``took_ms`` null: it had not ended."""

    name: str = ""
    kind: str = ""
    status: str = ""
    took_ms: float | None = None
    error: str = ""


class WorkflowRunView(Answer):
    """What a run by hand came to: the answer or the error, its nodes, and the vendor's ``ids`` of it."""

    workflow: str = ""
    answer: str = ""
    status: str = ""
    error: str = ""
    took_ms: float = 0.0
    tokens: int = 0
    ids: dict[str, str] = Field(default_factory=dict)
    nodes: list[RunNodeView] = Field(default_factory=list)


class ShadowView(Answer):
    """What a workflow would have answered in the shadow, beside the ``answer`` that the user got: by whom and
    after how long. ``ts`` is Unix seconds."""

    ts: float = 0.0
    turn: str = ""
    text: str = ""
    answered_by: str = ""
    answer: str = ""
    took_ms: float = 0.0
    shadow: WorkflowRunView = Field(default_factory=WorkflowRunView)


class RuleView(Answer):
    """A rule of `routes:`: its conditions, what it does, how often it matched since the configuration is in
    force, and when last (Unix seconds)."""

    name: str = ""
    enabled: bool = False
    conditions: str = ""
    does: str = ""
    matched: int = 0
    last: float | None = None


class RouterView(Answer):
    """How the router is: ok or degraded and why, how texts are compared (``mode``), by which embedder and
    judge (those in use), the rules in order, the ``examples`` (of which ``shipped`` come with MindBot), and
    how many messages it decided (``none``: of those, out of scope)."""

    state: str = ""
    reason: str = ""
    mode: str = ""
    embedder: str = ""
    judge: str = ""
    threshold: float = 0.0
    default: str = ""
    workflows: list[str] = Field(default_factory=list)
    rules: list[RuleView] = Field(default_factory=list)
    examples: int = 0
    shipped: int = 0
    learned: int = 0
    pending: int = 0
    decisions: int = 0
    none: int = 0


class LearnedView(Answer):
    """A correction: the text belongs to ``workflow`` (null: to none), not to ``was``. ``state`` is pending,
    accepted, rejected or reverted; ``origin`` operator or feedback; ``by`` and ``reviewed_by`` are users of
    the daemon's machine."""

    id: str = ""
    text: str = ""
    workflow: str | None = None
    was: str | None = None
    state: str = ""
    origin: str = ""
    by: str = ""
    turn: str = ""
    ts: float = 0.0
    note: str = ""
    reviewed_by: str = ""


class MovedView(Answer):
    """A stored message that another configuration would route elsewhere; null: to none."""

    turn: str = ""
    text: str = ""
    before: str | None = None
    after: str | None = None
    confidence: float = 0.0
    why: str = ""


_TEXT = Field(min_length=1, max_length=100_000)
_NAME = Field(default="", max_length=256)


class RunWorkflow(Order):
    """A text for one workflow, as that ``user``, with the app's ``inputs``; ``timeout`` is seconds."""

    text: str = _TEXT
    user: str = _NAME
    inputs: dict[str, Any] = Field(default_factory=dict)
    timeout: float = Field(default=300.0, gt=0, le=3600, strict=False)


class CompareWorkflows(Order):
    """A text for several workflows at once; ``timeout`` is seconds, for all of them."""

    names: list[str] = Field(min_length=1, max_length=20)
    text: str = _TEXT
    timeout: float = Field(default=300.0, gt=0, le=3600, strict=False)


class ClassifyText(Order):
    """A text whose workflow is asked for, whoever says it: no rule counts."""

    text: str = _TEXT


class AskRoute(Order):
    """A message as rules and the classifier would see it; what is empty is unknown."""

    text: str = _TEXT
    platform: str = Field(default="console", max_length=64)
    bot: str = Field(default="default", max_length=64)
    user: str = _NAME
    group: str = _NAME
    departments: list[str] = Field(default_factory=list, max_length=100)
    session: str = Field(default="", max_length=512)


class TeachRoute(Order):
    """A ``text``, or what a ``turn`` was asked, belongs to ``workflow``; null: to none."""

    text: str = Field(default="", max_length=100_000)
    turn: str = Field(default="", max_length=64)
    workflow: str | None = Field(default=None, max_length=256)
    note: str = Field(default="", max_length=1000)


class DiffRoutes(Order):
    """Another configuration as YAML; ``last`` is how many stored messages are routed again under it."""

    config: str = Field(min_length=1, max_length=900_000)
    last: int = Field(default=200, ge=1, le=10_000)


class DatasetView(Answer):
    """A knowledge base of Dify's; ``title`` is its name there, ``error`` why it cannot be asked."""

    name: str = ""
    title: str = ""
    dataset_id: str = ""
    endpoint: str = ""
    documents: int = 0
    error: str = ""


class DatasetDocumentView(Answer):
    """A document of a knowledge base; ``status`` is Dify's word for how far it is indexed, ``created`` Unix
    seconds."""

    id: str = ""
    name: str = ""
    status: str = ""
    words: int = 0
    created: float = 0.0
    error: str = ""


class DatasetPieceView(Answer):
    """What a question found: a piece of a document; ``answer`` where it is made of questions and answers."""

    text: str = ""
    answer: str = ""
    document: str = ""
    score: float | None = None


class QueryDataset(Order):
    """A question to a knowledge base."""

    text: str = Field(min_length=1, max_length=250)


class PutDocument(Order):
    """A file of the media store to put into a knowledge base, and what it is called there."""

    file: str = Field(min_length=1, max_length=256)
    name: str = Field("", max_length=256)
