"""kill -9 between the answer to a form and what the run says to it: that comes, and nothing is sent twice."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import processes
from mindbot.testing.waiting import wait_for

NODES = [
    {"title": "Start", "type": "start"},
    {"title": "Boss", "type": "human-input", "form": {"content": "May I?"}},
    {"title": "Think", "type": "code", "ms": 2500},
    {"title": "Answer"},
]
KINDS = {"chatflow": "advanced-chat", "workflow": "workflow"}


@pytest.mark.full
@pytest.mark.timeout(240)
@pytest.mark.parametrize("after", [0.0, 0.5, 1.5])
def test_an_answer_that_dify_has_is_read_after_a_kill(tmp_path: Path, after: float) -> None:
    with processes.simulators("dify") as sims:
        base = sims["dify"]["base_url"]
        verbs = f"{base.removesuffix('/v1')}/_sim"
        apps = {
            kind: {"key": f"app-{kind}", "mode": mode, "nodes": NODES, "answer": "decided: {form}"}
            for kind, mode in KINDS.items()
        }
        processes.post(f"{verbs}/apps", {"apps": apps}, method="PUT")
        entries = {k: {"dify_endpoint": base, "dify_api_key": f"app-{k}", "type": k} for k in KINDS}
        routes = [{"text": f"^{kind}", "workflow": kind} for kind in KINDS]
        daemon = processes.Daemon(tmp_path, {"workflows": entries, "routes": routes})

        def forms() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = processes.get(f"{verbs}/forms")["forms"]
            return found

        def texts(state: str) -> list[str]:
            rows = map(json.loads, daemon.run("turns", "--json").stdout.splitlines())
            return [row["reply"] for row in rows if row["state"] == state and row["text"] == "approve"]

        daemon.start()
        try:
            for kind in KINDS:
                assert "May I?" in daemon.run("send", f"{kind}: please", "--user", kind).stdout
                daemon.run("send", "approve", "--user", kind, "--no-wait")
            wait_for(lambda: len(forms()) == 2 and all(form["action"] for form in forms()), daemon.log)
            time.sleep(after)  # the point itself, not a wait for anything
            daemon.kill()
            daemon.start()
            wait_for(lambda: len(texts("answered")) == len(KINDS), daemon.log)
            assert texts("answered") == ["decided: approve"] * len(KINDS)
            assert len(processes.get(f"{verbs}/starts")["starts"]) == len(KINDS)
            assert [form["action"] for form in forms()] == ["approve"] * len(KINDS)
        finally:
            daemon.stop()
