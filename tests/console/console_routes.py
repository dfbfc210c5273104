"""A router, its corrections and decisions for console tests and pictures."""

from __future__ import annotations

from console_fakes import NOON, turn_id

from mindbot.domain.message import Json

ROUTER: Json = {
    "state": "ok",
    "mode": "hashed",
    "embedder": "hashed",
    "threshold": 0.5,
    "default": "general",
    "workflows": ["code_help", "退款", "general"],
    "rules": [
        {
            "name": "vip",
            "enabled": True,
            "conditions": "platform wecom; user alice, bob",
            "does": "workflow general",
            "matched": 41,
            "last": NOON - 75,
        },
        {"name": "夜间", "enabled": False, "conditions": "time 22:00-08:00", "does": "reply 请明天再来"},
    ],
    "examples": 312,
    "learned": 6,
    "pending": 1,
    "decisions": 908,
    "none": 57,
}
DEGRADED: Json = ROUTER | {
    "state": "degraded",
    "mode": "patterns",
    "reason": "the embedder does not answer: patterns only, with their own thresholds",
}

LEARNED: list[Json] = [
    {
        "id": "c2",
        "text": "退款流程是怎样的？请帮我查询一下",
        "workflow": "退款",
        "was": "general",
        "state": "pending",
        "origin": "feedback",
        "by": "dingtalk/李雷",
        "turn": turn_id(5),
        "ts": NOON - 200,
        "note": "答非所问",
    },
    {
        "id": "c1",
        "text": "what is the weather like",
        "workflow": None,
        "was": "code_help",
        "state": "accepted",
        "origin": "operator",
        "by": "root",
        "ts": NOON - 86_000,
    },
]

NEAREST: list[Json] = [
    {"text": "where is my parcel", "workflow": "退款", "similarity": 0.71},
    {"text": "tell me a joke", "workflow": None, "similarity": 0.12},
]
DECISION: Json = {
    "workflow": "退款",
    "answers": "",
    "runner": "workflow",
    "confidence": 0.83,
    "why": "most like: where is my parcel",
    "candidates": [
        {
            "workflow": "退款",
            "score": 0.83,
            "parts": {"pattern": 0.0, "similarity": 0.71, "sticky": 0.2},
            "nearest": NEAREST[:1],
        },
        {"workflow": "code_help", "score": 0.09, "parts": {"similarity": 0.08}},
    ],
    "mode": "hashed",
    "threshold": 0.5,
    "margin": 0.74,
    "nearest": NEAREST,
    "chain": ["退款", "general"],
    "took_ms": 0.42,
}
#: Of a turn whose first workflow failed: the router's step, and the attempts with their nodes.
SPANS: list[Json] = [
    {"kind": "rule", "name": "classify", "start": 0.02, "took_ms": 0.6, "data": DECISION},
    {"kind": "workflow", "name": "退款", "start": 0.03, "took_ms": 820.0, "status": "error"},
    {"kind": "node", "name": "检索 knowledge", "start": 0.04, "took_ms": 210.0},
    {"kind": "node", "name": "llm", "start": 0.26, "took_ms": 580.0, "status": "error"},
    {"kind": "workflow", "name": "general", "start": 0.86, "took_ms": 370.0},
    {"kind": "node", "name": "llm", "start": 0.88, "took_ms": 300.0},
    {"kind": "tool", "name": "order_status", "start": 1.0, "took_ms": 90.0},
]
_PARENTS = (6, 7, 10, 10, 7, 13, 13)
ROUTE: Json = {"runner": "workflow", "workflow": "general", "why": "退款 failed: 504", "confidence": 0.83}


def spans(first: int, received: float) -> list[Json]:
    """Return them with ids from ``first`` on, under the stages of a sample turn."""
    return [
        {
            "status": "ok",
            "data": {},
            **span,
            "id": first + n,
            "parent": parent,
            "start": received + span["start"],
        }
        for n, (span, parent) in enumerate(zip(SPANS, _PARENTS, strict=True))
    ]
