"""What people are shown of workflows, runs and decisions, as texts."""

from __future__ import annotations

from mindbot.api.shown import cells, padded
from mindbot.api.shown_routes import corrected, decided, explained, router_counts, router_settings
from mindbot.api.shown_workflows import day, facts, milliseconds, node_tree, run_head, why
from mindbot.api.workflow_models import (
    DecisionView,
    LearnedView,
    RouterView,
    RunNodeView,
    WorkflowDayView,
    WorkflowRunView,
    WorkflowView,
)

NOW = 1_790_000_000.0


def test_one_that_is_well_has_no_reason_and_one_without_a_run_says_no_more_than_is_known() -> None:
    bare = WorkflowView(name="code", type="chat", state="ok")
    assert why(bare, NOW) == ""
    told = dict(facts(bare, NOW))
    assert told["today"] == "0 runs, 0 tokens, -"
    assert not told.keys() & {"late runs", "a run", "liked", "split", "then asks", "why"}


def test_an_open_breaker_says_how_long_and_why() -> None:
    found = WorkflowView.model_validate(
        {
            "state": "open",
            "replicas": [
                {"name": "a", "state": "open", "until": NOW + 90, "why": "504 three times"},
                {"name": "b", "state": "ok"},
            ],
        }
    )
    assert why(found, NOW) == "app a open for 1:30 min: 504 three times"
    assert [text for label, text in facts(found, NOW) if label in ("app", "")] == [
        "a open for 1:30 min: 504 three times",
        "b ok",
    ]
    assert why(WorkflowView(state="off"), NOW) == "switched off by an operator"
    last = {"state": "degraded", "success": 0.5, "errors": [{"ts": 1, "why": "old"}, {"ts": 2, "why": "new"}]}
    assert why(WorkflowView.model_validate(last), NOW) == "50% of late runs succeeded; new"


def test_a_day_in_a_line() -> None:
    found = WorkflowDayView(runs=9, failed=1, fallbacks=2, p50_s=0.3, p95_s=1.5, likes=3, money=0.25)
    said = "9 runs, 1 failed, 2 answered by others, 3 likes, 0.30s, 95 of 100 within 1.50s, 0.2500"
    assert day(found) == said


def test_the_nodes_of_a_run_are_a_tree_with_times() -> None:
    nodes = [
        RunNodeView(name="开始", kind="start", status="succeeded", took_ms=1.0),
        RunNodeView(name="llm", kind="llm", status="failed", took_ms=1200.0, error="no model"),
        RunNodeView(name="end", kind="end", status="running"),
    ]
    assert list(node_tree(nodes)) == [
        "├─ ✓ 开始 (start)   1.0ms  ━",
        "├─ ✗ llm             1.2s  ━━━━━━━━━━━━━━━━━━━━  no model",
        "└─ · end                …",
    ]
    assert list(node_tree([])) == []
    assert run_head(WorkflowRunView(status="succeeded", took_ms=61_500, tokens=7)) == (
        "succeeded in 1m01s, 7 tokens"
    )
    assert [milliseconds(each) for each in (0.25, 42.4, 59_940)] == ["0.2ms", "42ms", "59.9s"]


def test_a_decision_is_explained_with_bars() -> None:
    found = DecisionView.model_validate(
        {
            "workflow": "code",
            "runner": "workflow",
            "confidence": 0.9,
            "why": "python stands in it",
            "mode": "hashed",
            "threshold": 0.5,
            "margin": 0.75,
            "chain": ["code", "general"],
            "candidates": [
                {"workflow": "code", "score": 0.9, "parts": {"similarity": 0.5}, "patterns": ["python"]},
                {"workflow": "general", "score": 0.15},
            ],
            "nearest": [
                {"text": "rain?", "workflow": None, "similarity": 0.1},
                {"text": "write python", "workflow": "code", "similarity": 0.8},
            ],
        }
    )
    assert list(explained(found)) == [
        "to code, 0.90 sure",
        "python stands in it",
        "compared by hashed, needs 0.50, 0.75 before the next",
        "asked in turn: code, general",
        "── what was weighed ──",
        "code    0.90 ██████████████████████░░",
        "  similarity 0.50 ██████░░░░░░",
        "  matches python",
        "general 0.15 ████░░░░░░░░░░░░░░░░░░░░",
        "── what is most like it ──",
        "0.80 code  write python",
        "0.10 none  rain?",
    ]


def test_what_belongs_to_none_says_who_answers_all_the_same() -> None:
    assert decided(DecisionView(answers="general", confidence=0.2)) == "to none (0.20 sure): general answers"
    assert decided(DecisionView(runner="chat")) == "to none, runner chat"
    assert decided(DecisionView(reply="We are closed.")) == "answered as the rule says: We are closed."
    assert list(explained(DecisionView(rule="night", rules=["vip", "night"], runner="chat"))) == [
        "to none, runner chat",
        "by rule night",
        "── which rules matched ──",
        "vip",
        "night",
    ]
    assert corrected(LearnedView(was="general", workflow=None)) == "general → none"


def test_the_router_in_pieces() -> None:
    found = RouterView(mode="patterns", embedder="", threshold=0.5, pending=2)
    assert list(router_settings(found)) == ["compared by patterns", "embedder -", "no judge", "needs 0.50"]
    assert "2 wait for a verdict" in list(router_counts(found))


def test_chinese_characters_take_two_cells() -> None:
    assert cells("退款 a") == 6
    assert padded("退款", 6) == "退款  "
    assert padded("longer", 3) == "longer"
