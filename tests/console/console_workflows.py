"""Workflows for console tests and pictures: well, half well, its breaker open, off."""

from __future__ import annotations

from console_fakes import NOON, turn_id

from mindbot.domain.message import Json

WORKFLOWS: list[Json] = [
    {
        "name": "code_help",
        "type": "chatflow",
        "description": "questions about programs",
        "state": "ok",
        "enabled": True,
        "endpoint": "https://dify.example/v1",
        "priority": 10,
        "examples": 48,
        "patterns": 3,
        "timeout": 60.0,
        "max_retries": 2,
        "in_flight": 3,
        "concurrency": 100,
        "replicas": [{"name": "main", "state": "ok", "in_flight": 3}],
        "split": {"code_next": 10.0},
        "shadow": {"code_next": 100.0},
        "fallback": ["general"],
        "runs_today": 812,
        "failed_today": 4,
        "recovered_today": 2,
        "shadow_today": 700,
        "success": 0.995,
        "latency": 2.41,
        "latencies": [2.1, 2.4, 2.2, 6.9, 2.3, 2.5, 2.2, 3.1],
        "satisfaction": 0.93,
        "money_today": 1.204,
        "tokens_today": 481_220,
        "currency": "USD",
    },
    {
        "name": "退款",
        "type": "workflow",
        "description": "退款与退货",
        "state": "degraded",
        "enabled": True,
        "endpoint": "https://dify.example/v1",
        "priority": 20,
        "examples": 41,
        "patterns": 2,
        "threshold": 0.6,
        "timeout": 120.0,
        "max_retries": 1,
        "in_flight": 1,
        "waiting": 4,
        "concurrency": 1,
        "replicas": [
            {"name": "主", "state": "open", "until": NOON + 95, "why": "504: 网关超时", "endpoint": "a"},
            {"name": "备", "state": "ok", "in_flight": 1},
        ],
        "runs_today": 96,
        "failed_today": 18,
        "success": 0.81,
        "latency": 9.3,
        "latencies": [8.0, 9.1, 12.5, 9.0],
        "satisfaction": 0.4,
        "money_today": 0.31,
        "tokens_today": 90_210,
        "currency": "USD",
        "errors": [
            {
                "ts": NOON - 30,
                "kind": "network_failed",
                "why": "504: the gateway gave up; the run goes on",
                "node": "查询订单",
                "turn": turn_id(4),
                "replica": "主",
            },
            {
                "ts": NOON - 700,
                "kind": "rejected",
                "why": "status failed: 变量 order_id 为空",
                "node": "判断",
            },
        ],
    },
    {
        "name": "general",
        "type": "chat",
        "state": "open",
        "enabled": True,
        "endpoint": "https://dify.example/v1",
        "priority": 100,
        "timeout": 60.0,
        "max_retries": 2,
        "replicas": [{"name": "main", "state": "open", "until": NOON + 20, "why": "401: the key is refused"}],
        "success": 0.0,
    },
    {"name": "小票", "type": "coze", "state": "off", "enabled": False, "endpoint": "https://api.coze.cn"},
]

DAYS: list[Json] = [
    {
        "workflow": "退款",
        "day": "2026-09-21",
        "runs": 96,
        "failed": 18,
        "fallbacks": 11,
        "p50_s": 9.0,
        "p95_s": 21.5,
        "recovery_s": 42.0,
        "likes": 4,
        "dislikes": 6,
        "money": 0.31,
        "currency": "USD",
    },
    {"workflow": "退款", "day": "2026-09-20", "runs": 120, "p50_s": 8.1, "p95_s": 13.0, "likes": 7},
    {"workflow": "code_help", "day": "2026-09-21", "runs": 812, "failed": 4, "p50_s": 2.3, "p95_s": 6.9},
]

RUN: Json = {
    "workflow": "code_help",
    "answer": "Use a list comprehension.",
    "status": "succeeded",
    "took_ms": 2410.0,
    "tokens": 612,
    "ids": {"workflow_run": "run-77", "task": "task-5"},
    "nodes": [
        {"name": "start", "kind": "start", "status": "succeeded", "took_ms": 1.2},
        {"name": "检索", "kind": "knowledge-retrieval", "status": "succeeded", "took_ms": 320.0},
        {"name": "llm", "kind": "llm", "status": "succeeded", "took_ms": 2050.0},
    ],
}
FAILED: Json = {
    "workflow": "general",
    "status": "failed",
    "error": "node llm: no model",
    "took_ms": 90.0,
    "nodes": [{"name": "llm", "kind": "llm", "status": "failed", "took_ms": 80.0, "error": "no model"}],
}
