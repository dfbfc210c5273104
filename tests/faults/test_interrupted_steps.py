"""Steps that were under way when the daemon was killed stand in the turn's record as interrupted."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import processes
from mindbot.testing.waiting import PATIENCE, wait_for

pytestmark = [pytest.mark.full, pytest.mark.timeout(20 * PATIENCE)]


def a_daemon(folder: Path, delay: str) -> processes.Daemon:
    """Return a daemon whose model thinks so long."""
    rule = {"match": "", "reply": "at last", "delay": delay}
    providers = {"scripted": {"rules": [rule], "timeout": "1h"}}
    return processes.Daemon(folder, {"providers": providers, "chat": {"timeout": "1h"}})


def trail(daemon: processes.Daemon) -> dict[str, Any]:
    """Return the trail that is on disk; empty where there is none."""
    [path] = daemon.folder.glob("state/**/*.db")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        row = db.execute("SELECT result FROM memo WHERE step = 'trail'").fetchone()
    return json.loads(row[0]) if row else {}


def asks_a_model(daemon: processes.Daemon, attempt: int) -> bool:
    """Whether the trail of an attempt has a model's step that is under way."""
    found = trail(daemon)
    return found.get("attempt") == attempt and any(s[2] == "model" and s[5] < 0 for s in found["steps"])


def ended(daemon: processes.Daemon, turn: str) -> list[dict[str, Any]]:
    """Return the steps of a turn once it is answered."""

    def told() -> Any:
        found = json.loads(daemon.cli("trace", turn, "--json").stdout)
        return found if found["state"] == "answered" else None

    spans: list[dict[str, Any]] = wait_for(told, daemon.log)["spans"]
    return spans


def test_what_two_kills_interrupted_is_told_and_the_answer_comes_once(tmp_path: Path) -> None:
    daemon = a_daemon(tmp_path, "1h")
    try:
        daemon.start()
        turn = json.loads(daemon.cli("send", "hello", "--no-wait", "--json").stdout)["turn"]
        for attempt in (1, 2):
            wait_for(partial(asks_a_model, daemon, attempt), daemon.log)
            daemon.kill()
            if attempt == 2:
                daemon = a_daemon(tmp_path, "0s")
            daemon.start()
        spans = ended(daemon, turn)
    finally:
        daemon.stop()
    assert {span["status"] for span in spans} == {"ok", "interrupted"}
    assert all(span["took_ms"] is not None for span in spans)
    attempts = [span for span in spans if span["kind"] == "attempt"]
    assert [span["name"] for span in attempts] == ["1", "2"]
    models = [(span["status"], span["parent"]) for span in spans if span["kind"] == "model"]
    assert [status for status, _ in models] == ["interrupted", "interrupted", "ok"]
    assert len([span for span in spans if span["kind"] == "delivery"]) == 1


def test_of_a_kill_at_once_it_is_told_that_there_was_an_attempt(tmp_path: Path) -> None:
    daemon = a_daemon(tmp_path, "1h")
    try:
        daemon.start()
        turn = json.loads(daemon.cli("send", "hello", "--no-wait", "--json").stdout)["turn"]
        daemon.kill()
        daemon = a_daemon(tmp_path, "0s")
        daemon.start()
        spans = ended(daemon, turn)
    finally:
        daemon.stop()
    assert [span["status"] for span in spans if span["kind"] == "attempt"] == ["interrupted"]
    assert [span["status"] for span in spans if span["kind"] == "model"][-1] == "ok"
    assert all(span["took_ms"] is not None for span in spans)
