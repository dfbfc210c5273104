"""Conversations for console tests and pictures: three platforms, two languages, every state."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from console_bots import BOTS, BUNDLES, SUFFERING, health
from console_fakes import NOON, FakeDaemon, turn_id
from console_instruments import BUS, METRICS, OPENAPI, QUEUE, SQL
from console_providers import PROVIDERS
from console_routes import LEARNED, ROUTE, ROUTER, spans
from console_turns import failed, queued, running, undelivered
from console_workflows import DAYS, WORKFLOWS

from mindbot.api.calls import ApiCall
from mindbot.domain.message import Json


def record(n: int, platform: str, user: str, text: str, state: str = "answered", **rest: object) -> Json:
    """Return the flat record of the nth sample turn."""
    received = NOON - 300 + n * 7
    return {
        "id": turn_id(n),
        "platform": platform,
        "bot": "default",
        "session": f"{platform}:default:{user}",
        "user": user,
        "kind": "text",
        "text": text,
        "state": state,
        "received": received,
        "took": 0.0,
        "runner": "chat",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "tokens": 450,
        **rest,
    }


SAMPLE: list[Json] = [
    record(
        0,
        "wecom",
        "alice",
        "Where is my order 4711?",
        reply="It left our warehouse this morning and arrives on Thursday.",
        took=1.24,
    ),
    record(
        1,
        "dingtalk",
        "王小明",
        "我的订单什么时候发货？",
        reply="您好，您的订单今天下午发货，预计后天送达。",
        took=2.06,
        bot="客服",
    ),
    record(
        2,
        "wecom",
        "bob",
        "hi",
        reply="Hello! Ask me anything.",
        took=0.0042,
        runner="workflow",
        workflow="general",
        route="the rule vip",
        rule="vip",
    ),
    record(3, "console", "operator", "ping", reply="pong", took=0.012),
    record(
        4,
        "wecom",
        "carol",
        "I want a refund for the blue lamp",
        state="failed",
        reason="rate_limited: the model asked us to slow down",
        error="rate_limited",
        took=31.4,
    ),
    record(
        5,
        "dingtalk",
        "李雷",
        "退款流程是怎样的？请帮我查询一下",
        reply="退款流程：1. 在订单页点击“申请退款”；2. 填写原因；3. 等待审核。",
        took=3.31,
        bot="客服",
        runner="workflow",
        workflow="general",
        route="退款 failed: 504",
        confidence=0.83,
    ),
    record(
        6,
        "wecom",
        "spammer",
        "buy cheap watches http://watches.example",
        state="dropped",
        reason="access: not on the list",
        took=0.0007,
    ),
    record(
        7,
        "wecomcs",
        "张伟",
        "发票怎么开？",
        reply="请提供公司名称和税号，我们会在三个工作日内开具电子发票。",
        took=1.88,
    ),
    record(
        8, "wecom", "dave", "line one\nline two\twith a tab \x1b[31mand an escape", reply="Fine.", took=0.61
    ),
    record(
        9,
        "dingtalk",
        "韩梅梅",
        "今天的会议几点开始？😀 会议室在哪里？",
        reply="会议 15:00 开始，在三楼 A 会议室。",
        took=0.94,
        bot="行政",
        runner="workflow",
        workflow="general",
        route="nothing is like it: the default answers",
        confidence=0.21,
    ),
    record(
        10,
        "wecom",
        "erin",
        "Can I change the delivery address?",
        state="dead",
        reason="auth_failed: invalid api key",
        error="auth_failed",
        took=0.22,
    ),
    record(11, "wecom", "alice", "And the other parcel?", state="running"),
    record(12, "dingtalk", "王小明", "谢谢！", state="queued", bot="客服"),
]

SPANS: list[Json] = [
    {
        "id": 1,
        "parent": 0,
        "kind": "stage",
        "name": "deliver",
        "start": 0.000,
        "took_ms": 1238.2,
        "status": "ok",
    },
    {
        "id": 2,
        "parent": 1,
        "kind": "stage",
        "name": "errors",
        "start": 0.001,
        "took_ms": 1236.9,
        "status": "ok",
    },
    {
        "id": 3,
        "parent": 2,
        "kind": "stage",
        "name": "access",
        "start": 0.002,
        "took_ms": 1235.1,
        "status": "ok",
    },
    {
        "id": 4,
        "parent": 3,
        "kind": "stage",
        "name": "limits",
        "start": 0.003,
        "took_ms": 1233.0,
        "status": "ok",
    },
    {
        "id": 5,
        "parent": 4,
        "kind": "stage",
        "name": "session",
        "start": 0.004,
        "took_ms": 1231.4,
        "status": "ok",
    },
    {
        "id": 6,
        "parent": 5,
        "kind": "stage",
        "name": "route",
        "start": 0.019,
        "took_ms": 1216.3,
        "status": "ok",
        "data": {"runner": "chat", "why": "the only runner"},
    },
    {"id": 7, "parent": 6, "kind": "stage", "name": "run", "start": 0.021, "took_ms": 1213.8, "status": "ok"},
    {
        "id": 8,
        "parent": 7,
        "kind": "model",
        "name": "openai",
        "start": 0.024,
        "took_ms": 1209.1,
        "status": "ok",
        "data": {
            "provider": "openai",
            "model": "gpt-4o-mini",
            "first_ms": 312.4,
            "finish": "stop",
            "usage": {"input_tokens": 412, "output_tokens": 38},
            "request": {
                "model": "gpt-4o-mini",
                "stream": True,
                "messages": [
                    {"role": "system", "content": "You answer customers of a shop, briefly and kindly."},
                    {"role": "user", "content": "Where is my order 4711?"},
                ],
            },
        },
    },
]


def turn_view(n: int = 0) -> Json:
    """Return everything known of a sample turn."""
    found = SAMPLE[n]
    received = found["received"]
    return {
        **found,
        "took_ms": found["took"] * 1000,
        "finished": received + found["took"],
        "message": {
            "platform": found["platform"],
            "bot": "default",
            "key": "7385920348510",
            "session": found["session"],
            "sender": found["user"],
            "kind": "text",
            "parts": [{"kind": "text", "text": found["text"]}],
            "reply_to": {"touser": found["user"], "agent_id": 1000002},
            "chat": found["user"],
            "ts": received - 0.3,
            "received": received,
            "raw": "<xml>\n  <ToUserName><![CDATA[wwcorp]]></ToUserName>\n"
            f"  <Content><![CDATA[{found['text']}]]></Content>\n  <MsgId>7385920348510</MsgId>\n</xml>",
        },
        "route": {"runner": "chat", "why": "the only runner"},
        "vars": {"intent": "order status"},
        "reply_parts": [{"kind": "text", "text": found.get("reply", "")}],
        "spans": [{**span, "start": received + span["start"]} for span in SPANS],
        "deliveries": [
            {
                "id": f"{found['id']}-0",
                "platform": found["platform"],
                "bot": "default",
                "text": found.get("reply", ""),
                "state": "sent",
                "attempts": 1,
                "error": "",
                "sent_id": "msg-9931",
                "created": received + 1.2,
                "ended": received + 1.24,
                "took_ms": 38.2,
                "notes": {"errcode": 0},
            },
        ],
    }


def rich_turn() -> Json:
    """Return the second sample turn with everything a platform can add to one."""
    found = turn_view(1)
    received = found["received"]
    files = [
        {"name": "image", "data": {"id": "9f2c.png", "size": 48213, "type": "image/png", "name": "订单.png"}},
        {"name": "file", "status": "error", "data": {"error": "the file is larger than 52,428,800 bytes"}},
    ]
    for n, each in enumerate(files, start=len(SPANS) + 1):
        known = {"id": n, "parent": 4, "kind": "media", "status": "ok", "took_ms": 80.5}
        found["spans"].append({**known, **each, "start": received + 0.004})
    user = {"name": "王小明", "title": "采购经理", "departments": ["采购部", "华东区"]}
    found["vars"] = {"user": user}
    found["deliveries"][0] |= {"kind": "stream", "notes": {"card": "card-77", "updates": 9}}
    found["notes"] = [{"kind": "feedback", "like": False, "content": "时间不对"}]
    return found


def routed_turn() -> Json:
    """Return the sixth sample turn: the router gave it to a workflow, which failed, and another answered."""
    found = turn_view(5)
    stages = [span for span in found["spans"] if span["kind"] == "stage"]
    found["spans"] = [*stages, *spans(9, found["received"])]
    found["route"] = ROUTE
    return found


def listing(session: str) -> Any:
    """Return what lists turns as the daemon would, those of a session by its filter."""

    def answer(call: ApiCall[Any]) -> list[Json]:
        filter, before = call.query.get("filter", ""), call.query.get("before", "~")
        found = [turn for turn in SAMPLE if turn["session"] == session or not filter]
        return [{**turn, "took_ms": turn["took"] * 1000} for turn in reversed(found) if turn["id"] < before]

    return answer


LETTERS: list[Json] = [
    {
        "id": f"{turn_id(7)}-0",
        "kind": "message",
        "state": "dead",
        "platform": "wecomcs",
        "bot": "shop",
        "session": "wecomcs:shop:张伟",
        "user": "张伟",
        "text": "请提供公司名称和税号",
        "error": "40001: invalid credential",
        "attempts": 5,
        "created": NOON - 240,
    },
    {
        "id": turn_id(10),
        "kind": "turn",
        "state": "dead",
        "session": "wecom:default:erin",
        "user": "erin",
        "platform": "wecom",
        "bot": "default",
        "text": "Can I change the delivery address?",
        "reason": "auth_failed: invalid api key",
        "received": NOON - 230,
    },
    {
        "id": f"{turn_id(3)}-0",
        "kind": "message",
        "state": "sent",
        "acted": "retry",
        "acted_at": NOON - 20,
        "platform": "wecom",
        "bot": "default",
        "session": "wecom:default:dave",
        "user": "dave",
        "text": "Fine.",
        "attempts": 1,
        "created": NOON - 290,
    },
]

CONFIG: Json = {
    "files": ["/etc/mindbot/mindbot.yaml"],
    "values": {
        "wecom.corpid": "ww8a1c03f2",
        "wecom.secret": "********",
        "wecom.port": 8080,
        "chat.provider": "openai",
        "chat.system_prompt": "你是一个简洁友好的客服助手。",
        "log.level": "debug",
        "dispatcher.max_running": 1000,
        "log.format": "json",
    },
    "origins": {
        "wecom.corpid": "/etc/mindbot/mindbot.yaml:3",
        "wecom.secret": "/etc/mindbot/mindbot.yaml:4",
        "wecom.port": "/etc/mindbot/mindbot.yaml:6",
        "chat.provider": "/etc/mindbot/mindbot.yaml:11",
        "chat.system_prompt": "/etc/mindbot/mindbot.yaml:12",
        "log.level": "$MINDBOT_LOG__LEVEL",
        "dispatcher.max_running": "default",
        "log.format": "default",
    },
    "warnings": [],
}

LOGS: list[Json] = [
    {
        "ts": NOON - 40,
        "level": "info",
        "component": "mindbot.daemon",
        "text": "ready",
        "fields": {"took": 0.62},
    },
    {
        "ts": NOON - 30,
        "level": "warning",
        "component": "mindbot.platforms.dingtalk",
        "text": "the stream was opened again",
        "fields": {"bot": "客服", "reason": "连接被服务器关闭"},
    },
    {
        "ts": NOON - 12,
        "level": "error",
        "component": "mindbot.runtime.outbox",
        "text": "delivery is dead",
        "turn": turn_id(7),
        "fields": {"turn": turn_id(7), "error": "40001: invalid credential"},
    },
]


def sessions() -> list[Json]:
    """Return the conversations of the sample, the last one first."""
    found: dict[str, Json] = {}
    for each in SAMPLE:
        kept = found.setdefault(each["session"], {"turns": 0})
        kept["turns"] += 1
        kept |= {name: each[name] for name in ("session", "platform", "bot", "user", "state", "text")}
        kept |= {"last": each["id"], "active": each["received"]}
        kept |= {"transfer": each["platform"] == "wecomcs"}
    return sorted(found.values(), key=lambda session: -float(session["active"]))


def filled() -> FakeDaemon:
    """Return a daemon with the sample turns on its disk."""
    daemon = FakeDaemon()
    daemon.answers["GET /v1/turns"] = [{**r, "took_ms": r["took"] * 1000} for r in reversed(SAMPLE)]
    daemon.answers["GET /v1/status"] = {
        "phase": "running",
        "ready": True,
        "version": "0.1.0",
        "loop_lag_ms": 0.4,
        "rss_bytes": 92_000_000,
        "turns": {"running": 1, "queued": 1},
        "totals": {"received": 13, "answered": 8, "dead": 1},
        "outbox": {"waiting": 0, "sent": 8, "dead": 1},
        "config": {"files": ["mindbot.yaml"], "generation": 3},
        "health": health(
            undelivered=1,
            dead=2,
            failed=2,
            ended=10,
            **{"bot wecomcs/shop": "failed", "bot dingtalk/客服": "degraded"},
        ),
    }
    daemon.answers |= {
        "GET /v1/platforms": BOTS,
        "GET /v1/sessions": sessions(),
        "GET /v1/queue": QUEUE,
        "GET /v1/metrics/times": METRICS,
        "GET /v1/openapi.json": OPENAPI,
        "GET /v1/bus": BUS,
        "POST /v1/database/query": SQL,
        "GET /v1/dead-letters": LETTERS,
        "GET /v1/failures": {"window_s": 21600.0, "looked": 13, "more": False, "bundles": BUNDLES},
        "GET /v1/failures/b1": {**BUNDLES[0], "who": SUFFERING},
        "GET /v1/config": CONFIG,
        "GET /v1/logs": LOGS,
        "GET /v1/providers": PROVIDERS,
        "GET /v1/workflows": WORKFLOWS,
        "GET /v1/workflows/stats": DAYS,
        "GET /v1/routes": ROUTER,
        "GET /v1/routes/learned": LEARNED,
    }
    daemon.answers |= {f"GET /v1/workflows/{quote(each['name'])}": each for each in WORKFLOWS}
    daemon.answers |= {f"GET /v1/providers/{quote(each['name'])}": each for each in PROVIDERS}
    for n, found in enumerate(SAMPLE):
        daemon.answers[f"GET /v1/turns/{found['id']}"] = turn_view(n)
        daemon.answers[f"GET /v1/turns/{found['id']}/spans"] = turn_view(n)["spans"]
    daemon.answers[f"GET /v1/turns/{SAMPLE[1]['id']}"] = rich_turn()
    daemon.answers[f"GET /v1/turns/{SAMPLE[5]['id']}"] = routed_turn()
    for n, made in ((4, failed), (7, undelivered), (11, running), (12, queued)):
        daemon.answers[f"GET /v1/turns/{SAMPLE[n]['id']}"] = made(turn_view(n))
    return daemon
