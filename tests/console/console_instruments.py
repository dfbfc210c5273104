"""What the sample daemon says of its queue and of itself at work."""

from __future__ import annotations

from console_fakes import NOON, turn_id

from mindbot.domain.message import Json


def queued(n: int, place: str, state: str, why: str, **rest: object) -> Json:
    """Return something of the nth sample turn that is not done."""
    id = turn_id(n) if place == "inbox" else f"{turn_id(n)}-0"
    return {
        "id": id,
        "place": place,
        "state": state,
        "why": why,
        "behind": "",
        "ahead": 0,
        "at": "",
        "platform": "wecom",
        "bot": "default",
        "session": f"wecom:default:u{n}",
        "user": "",
        "text": "",
        "attempts": 1,
        "since": NOON - 300 + n * 7,
        "next_at": None,
        "error": "",
        **rest,
    }


QUEUE: Json = {
    "turns": 4,
    "deliveries": 4,
    "disk": False,
    "queued": [
        queued(11, "inbox", "running", "runs", user="alice", text="And the other parcel?", at="model openai"),
        queued(12, "inbox", "queued", "slots", user="王小明", text="谢谢！", platform="dingtalk", bot="客服"),
        queued(13, "inbox", "queued", "session", user="alice", text="Hello?", behind=turn_id(11), ahead=1),
        queued(14, "inbox", "waiting", "runs", user="bob", text="Book the room", at="tool approve"),
        queued(8, "outbox", "sending", "wire", text="Fine."),
        queued(
            9,
            "outbox",
            "pending",
            "retry",
            text="会议 15:00 开始，在三楼 A 会议室。",
            platform="dingtalk",
            bot="行政",
            attempts=3,
            next_at=NOON + 42,
            error="overloaded: 503: the gateway is busy",
        ),
        queued(
            9,
            "outbox",
            "pending",
            "session",
            id=f"{turn_id(9)}-1",
            text="还有别的问题吗？",
            platform="dingtalk",
            bot="行政",
            attempts=0,
            behind=f"{turn_id(9)}-0",
            ahead=1,
        ),
        queued(
            5,
            "outbox",
            "pending",
            "stopped",
            text="退款流程：1.",
            platform="dingtalk",
            bot="客服",
            attempts=0,
        ),
    ],
}

BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0]


def times(what: str, name: str, first: int, *counts: int) -> Json:
    """Return what took time: how often by bucket, from the ``first`` on."""
    found = [0] * first + list(counts)
    found += [0] * (len(BOUNDS) + 1 - len(found))
    return {
        "what": what,
        "name": name,
        "counts": found,
        "sum": sum(n * bound for n, bound in zip(found, BOUNDS, strict=False)),
    }


METRICS: Json = {
    "started": NOON - 3600,
    "bounds": BOUNDS,
    "times": [
        times("turn", "answered", 8, 40, 210, 480, 90, 12, 3),
        times("turn", "failed", 13, 4, 2),
        times("stage", "run", 8, 60, 230, 440, 80, 9),
        times("stage", "deliver", 1, 300, 420, 90, 18, 4),
        times("stage", "route", 0, 790, 40, 2),
        times("model", "openai", 8, 70, 240, 400, 60, 6),
        times("model", "智谱", 9, 3, 9, 2),
        times("workflow", "退款/answered", 9, 4, 20, 11),
        times("send", "wecom/default", 4, 12, 300, 200, 30, 6),
    ],
}


def bus_row(kind: str, name: str, *topics: str, **rest: object) -> Json:
    """Return a line of the bus."""
    return {
        "kind": kind,
        "name": name,
        "topics": list(topics),
        "filter": "",
        "events": 0,
        "waiting": 0,
        "capacity": 0 if kind == "topic" else 10_000,
        "lost": 0,
        "failed": 0,
        **rest,
    }


BUS: Json = {
    "seq": 41_210,
    "rows": [
        bus_row("topic", "turn", events=32_480),
        bus_row("topic", "delivery", events=8_122),
        bus_row("topic", "stats", events=600),
        bus_row("topic", "health", events=8),
        bus_row("handler", "alerts", "turn", "health", waiting=3, failed=1),
        bus_row("handler", "wecom report", "delivery", waiting=10_000, lost=1_284),
        bus_row("observer", "", "turn", "delivery", "health", waiting=12),
        bus_row("client", "process 4711", "turn", "delivery", "health", "stats"),
        bus_row("client", "process 4820", "span", filter="turn == 06AA8W8X00B00", waiting=40),
    ],
}

SQL: Json = {
    "columns": ["bot", "state", "n", "last", "error"],
    "rows": [
        ["default", "sent", 812, 1790000000.25, None],
        ["客服", "dead", 3, 1789999400.0, "40001: invalid credential"],
        ["行政", "pending", 1, 1789999999.5, "overloaded: 503: the gateway is busy"],
    ],
    "more": False,
    "took_ms": 3.2,
}

OPENAPI: Json = {
    "components": {
        "schemas": {
            "SendMessage": {
                "required": ["text"],
                "properties": {"text": {"type": "string"}, "user": {"type": "string"}},
            }
        }
    },
    "paths": {
        "/v1/status": {"get": {"description": "Everything at a glance, and the caller's role."}},
        "/v1/turns": {
            "get": {
                "description": "Newest first.",
                "parameters": [
                    {
                        "name": "limit",
                        "in": "query",
                        "description": "How many.",
                        "schema": {"type": "integer", "default": 50},
                    },
                    {"name": "filter", "in": "query", "schema": {"type": "string"}},
                ],
            },
            "post": {
                "description": "Take a message as if its platform had sent it.",
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SendMessage"}}}
                },
            },
        },
        "/v1/secrets/{name}": {
            "delete": {"description": "Remove a secret.", "parameters": [{"name": "name", "in": "path"}]}
        },
    },
}
