"""A long history: how large its files are, what its finder takes, what the first page of a filter costs.

Everything is in a temporary folder, and bounded: a million turns take some four gigabytes there.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import orjson

from mindbot.bench import measure
from mindbot.bench.measure import Figures, Result

#: Each figure's filter; what it finds is spread over the history, unless said otherwise.
FILTERS = {
    "no_filter": "",
    "state_failed": "state == failed",
    "state_dead": "state == dead",  # three, the oldest ones
    "user": "user == u777",
    "session": 'session == "wecom:hr:u777"',
    "bot": "bot == legal",
    "origin_test": "origin == test",
    "error": "error == rate_limited and state == failed",
    "workflow": "workflow == travel",
    "provider": "provider == backup",
    "took": "took > 55s",
    "long_ago": "",  # the first minutes of all: see `look`
    "undelivered": "undelivered == true",
    "nobody": "user == nobody",
    "two_rare": "state == failed and user == u777",
    "word_en": "telescope",
    "word_zh": "望远镜",
    "word_zh_two": "彗星",
    "word_zh_one": "彗",
    "word_nowhere": "nowhere-said",
    "reply_zh": 'reply =~ "退款单"',
}
_PUT = (
    "INSERT INTO turns (id, platform, bot, key, session, sender, partition, state, received, finished, "
    "reason, message, record) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)"
)
_SENT = (
    "INSERT INTO outbox (turn, n, platform, bot, session, kind, address, parts, state, created) "
    "VALUES (?, 0, ?, ?, ?, 'message', '{}', '[]', ?, ?)"
)
_EVERY = 20.0  # seconds between turns; the last one was received just now
_ASKED = (
    "请问出差报销需要哪些材料",
    "How do I reset my password for the VPN",
    "年假还有几天，可以连休吗",
    "hello, 在吗",
)
_SAID = (
    "您好，出差报销需要发票、行程单和审批单，请在三十天内提交到财务系统，超过期限需要部门负责人说明原因。",
    "You can reset it in the self-service portal: open it, choose VPN, and follow the three steps there.",
    "您今年还有五天年假，可以连休，请先与主管确认排班，然后在人事系统里提交申请，审批通过后会收到通知。",
)


def make(path: Path, turns: int) -> None:
    """Write a history of turns that were answered, failed, died, in two languages."""
    from mindbot.store.upgrade import ensure

    ensure(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute("BEGIN")
        for n, row in enumerate(_turns(turns)):
            db.execute(_PUT, row)
            if row[6] == "answered":
                state = "dead" if n % 5000 == 11 else "sent"
                db.execute(_SENT, (row[0], *row[1:3], row[4], state, row[7]))
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _turns(count: int) -> Iterator[tuple[Any, ...]]:
    from mindbot.domain import ids
    from mindbot.domain.span import Span
    from mindbot.store.rows import pack_spans

    steps = ["receive", "commands", "guard", "history", "prompt", "route", "run", "format", "deliver"]
    start = time.time() - count * _EVERY
    for n in range(count):
        received = start + n * _EVERY
        user, platform, bot = f"u{n % 50_000}", *(("wecom", "hr") if n % 3 else ("dingtalk", "it"))
        if n % 40_000 == 17:
            bot = "legal"
        state = "dead" if n in (5, 6, 7) else "failed" if n % 400 == 13 else "answered"
        took = 57.0 if n % 20_000 == 19 else 0.8 + n % 7
        asked, said = f"{_ASKED[n % 4]} {n}", f"{_SAID[n % 3]} {n}" if state == "answered" else ""
        if n % 25_000 == 101:
            asked += " telescope 望远镜 彗星"
        if n % 30_000 == 202:
            said += " 您的退款单已建立"
        session = f"{platform}:{bot}:{user}"
        message = {
            "platform": platform,
            "bot": bot,
            "key": f"k{n}",
            "session": session,
            "sender": user,
            "kind": "text",
            "parts": [{"kind": "text", "text": asked}],
            "reply_to": {"user": user},
            "raw": f'{{"msgid": "k{n}", "text": {{"content": "…"}}, "from": "{user}", "chattype": "single"}}',
            "chat": "",
            "ts": received,
            "received": received,
        } | ({"origin": "test"} if n % 10_000 == 33 else {})
        provider = "backup" if n % 15_000 == 44 else "main"
        spans = [Span(i, 0, "stage", name, received, 0.01, "ok", {}) for i, name in enumerate(steps, 1)]
        usage = {"input_tokens": 900, "output_tokens": 120}
        model = {
            "provider": provider,
            "model": "small",
            "usage": usage,
            "prompt": [{"role": "user", "content": asked}],
        }
        spans.append(Span(10, 7, "model", "small", received, took - 0.1, "ok", model))
        workflow = {"workflow": "travel" if n % 9_000 == 55 else "leave"} if n % 5 == 0 else {}
        record = {
            "route": {"runner": "workflow" if workflow else "chat", "why": "default", **workflow},
            "vars": {"lang": "zh"},
            "reply": [{"kind": "text", "text": said}] if said else [],
            "spans": pack_spans(spans),
        }
        reason = {"failed": "rate_limited: try later", "dead": "internal: a mistake"}.get(state)
        yield (
            ids.at(received) + (n % 1024),
            platform,
            bot,
            f"k{n}",
            session,
            user,
            state,
            received,
            received + took,
            reason,
            orjson.dumps(message).decode(),
            orjson.dumps(record).decode(),
        )


async def look(path: Path) -> Figures:
    """Fill the finder, then ask for first pages; returns CPU milliseconds, seconds and megabytes."""
    from mindbot.domain.ports.store import Wanted
    from mindbot.filters.language import parse
    from mindbot.filters.needs import needs
    from mindbot.store.sqlite import SqliteStore
    from mindbot.testing.processes import rss_bytes

    async with SqliteStore.open(path) as store:
        cpu = time.process_time()
        while await store.finder.step():
            pass
        filled = time.process_time() - cpu
        with closing(sqlite3.connect(path)) as db:
            (count,) = db.execute("SELECT count(*) FROM turns").fetchone()
        queries = await store.queries(lambda session, number: None)
        await queries.find_turns(None, 1, "", 1.0)  # what is imported at the first question
        figures = {"fill_us_a_turn": filled / count * 1e6, "finder_mb": _mb(store.finder.path)}
        early = datetime.fromtimestamp(time.time() - (count - 20) * _EVERY).isoformat("T", "seconds")
        for name, text in (FILTERS | {"long_ago": f"received < {early}"}).items():
            meant = parse(text)
            cpu = time.process_time()
            page = await queries.find_turns(Wanted(meant.compile(), needs(meant.node)), 20, "", 20.0)
            figures[f"{name}_ms"] = (time.process_time() - cpu) * 1000
            figures[f"{name}_found"] = len(page.turns)
        figures["rss_mb"] = rss_bytes(os.getpid()) / 2**20
    return figures


def _mb(path: Path) -> float:
    return sum(each.stat().st_size for each in path.parent.glob(path.name + "*")) / 2**20


def bench(messages: int = 100_000) -> Result:
    """Measure a history of so many turns."""
    from mindbot.testing.processes import Daemon

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state" / "mindbot.db"
        make(path, messages)
        size = path.stat().st_size / 2**20
        daemon = Daemon(Path(folder), {"store": {"retention": "3650d"}})
        daemon.start()
        daemon.stop()
        start = {
            "turns": messages,
            "database_mb": size,
            "ready_cpu_s": daemon.ready_cpu,
            "ready_wall_s": daemon.ready_wall,
        }
        figures = start | measure.module("mindbot.bench.history", path, timeout=3600)
    goals = {f"{name}_ms": "< 300" for name in FILTERS} | {"ready_cpu_s": "< 1.5"}
    return Result("history", figures, {}, goals, "CPU of first pages of 20 turns")


if __name__ == "__main__":
    print(json.dumps(anyio.run(look, Path(sys.argv[1]), backend_options={"use_uvloop": True})))
