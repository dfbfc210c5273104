"""Bots for console tests and pictures: well, half well, failed."""

from __future__ import annotations

from console_fakes import NOON, turn_id

from mindbot.domain.message import Json


def traffic(received: int = 0, sent: int = 0, **more: object) -> Json:
    """Return a bot's counters, its last message half a minute ago."""
    minutes = {"received": [n % 9 for n in range(30)], "sent": [n % 9 for n in range(30)], "failed": [0] * 30}
    if "failed" in more:
        minutes["failed"][-4:] = [1, 0, 2, 1]
        more["last_failed"], more["last_error"] = more["failed"], more["error"]
    known = {"received": received, "sent": sent, "last_message": NOON - 31, "last_sent": NOON - 29}
    known["minutes"] = minutes
    return {**known, **more} if received else {}


def health(
    *,
    undelivered: int = 0,
    dead: int = 0,
    failed: int = 0,
    ended: int = 0,
    waiting: int = 0,
    slow: int = 0,
    **ill: str,
) -> Json:
    """Return what a daemon says of its health; ``ill`` are components by name and their state."""
    not_ok = [
        {"component": component, "state": state, "reason": "40001: invalid credential", "since": NOON - 12}
        for component, state in ill.items()
    ]
    share = failed / ended if ended else 0.0
    return {
        "ok": not (not_ok or undelivered or dead or failed or waiting or slow),
        "not_ok": not_ok,
        "failing": {"window_s": 300.0, "ended": ended, "failed": failed, "share": share},
        "waiting": {"answers": waiting, "oldest_s": 50.0 if waiting else 0.0},
        "slow": {"turns": slow, "oldest_s": 45.0 if slow else 0.0},
        "undelivered": undelivered,
        "dead_letters": dead,
        "counted": True,
        "words": [],
    }


BUNDLES: list[Json] = [
    {
        "id": "b1",
        "kind": "failed",
        "component": "openai",
        "error": "overloaded",
        "cause": "500: the server had an error",
        "sample": "overloaded: 500: the server had an error while processing your request",
        "turns": 12,
        "people": 10,
        "waiting": 9,
        "since": NOON - 900,
        "last": NOON - 20,
        "filter": 'state in [failed, dead] and provider == "openai"',
    },
    {
        "id": "b2",
        "kind": "undelivered",
        "component": "wecomcs/shop",
        "error": "",
        "cause": "40001: invalid credential",
        "sample": "40001: invalid credential, hint: [1742]",
        "turns": 1,
        "people": 1,
        "waiting": 1,
        "since": NOON - 240,
        "last": NOON - 240,
        "filter": 'undelivered and platform == "wecomcs"',
    },
]
SUFFERING: list[Json] = [
    {
        "platform": "wecom",
        "bot": "default",
        "session": "wecom:default:carol",
        "user": "carol",
        "text": "I want a refund for the blue lamp",
        "since": NOON - 900,
        "turns": [turn_id(4)],
        "waiting": True,
    },
    {
        "platform": "dingtalk",
        "bot": "客服",
        "session": "dingtalk:客服:王小明",
        "user": "u1",
        "user_name": "王小明",
        "text": "我的订单什么时候发货？",
        "since": NOON - 800,
        "turns": [turn_id(1), turn_id(0)],
        "waiting": False,
    },
]
BOTS: list[Json] = [
    {"platform": "console", "bot": "default", "state": "ok", "reason": "", "since": NOON - 90_000},
    {
        "platform": "wecom",
        "bot": "default",
        "state": "ok",
        "reason": "",
        "since": NOON - 7300,
        "callback": "/wecom/default/callback",
        "listen": "0.0.0.0:8080",
        "abilities": ["test"],
        "traffic": traffic(412, 410, duplicates=3),
    },
    {
        "platform": "dingtalk",
        "bot": "客服",
        "state": "degraded",
        "reason": "the stream was opened again 3 times in a minute",
        "since": NOON - 95,
        "abilities": ["test", "groups", "stream"],
        "traffic": traffic(98, 96, waiting=2, retried=4, failed=NOON - 12, error="90018: too fast"),
        "details": {
            "connections": [
                {"state": "connected", "reason": "", "since": NOON - 4000, "opened": 2},
                {"state": "disconnected", "reason": "连接被服务器关闭", "since": NOON - 95, "opened": 7},
            ],
            "cards": 3,
            "swaps": 2,
        },
    },
    {
        "platform": "wecomcs",
        "bot": "shop",
        "state": "failed",
        "reason": "40001: invalid credential",
        "since": NOON - 12,
        "callback": "/wecomcs/shop/callback",
        "listen": "0.0.0.0:8080",
        "abilities": ["test", "transfer"],
        "traffic": traffic(31, 30, dead=1, failed=NOON - 240, error="40001: invalid credential"),
        "details": {
            "accounts": [
                {"account": "wkShop", "pulled": NOON - 40, "pulls": 77, "callbacks": 31, "messages": 31},
                {"account": "wkHelp", "pulled": 0.0, "pulls": 0, "callbacks": 0, "error": "40001"},
            ]
        },
    },
]
