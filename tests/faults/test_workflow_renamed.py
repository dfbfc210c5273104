"""kill -9 in mid-run, and workflows are called otherwise, are gone or share an app when the daemon starts."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import processes
from mindbot.testing.waiting import wait_for

NODES = [{"title": "Start", "type": "start"}, {"title": "Think", "type": "code", "ms": 6000}, {}]
USERS = {"renamed": "python", "shared": "poem", "gone": "weather"}


def _config(base: str, **apps: str) -> dict[str, Any]:
    """Return workflows of a name with an app each; what is said is found in their patterns."""
    words = {"code": "python", "coder": "python", "verse": "poem", "sky": "weather"}
    return {
        name: {
            "type": "chatflow",
            "dify_endpoint": base,
            "dify_api_key": f"app-{app}",
            "task_patterns": [words[name]] if name in words else [],
        }
        for name, app in apps.items()
    }


@pytest.mark.full
@pytest.mark.timeout(240)
def test_runs_are_taken_up_by_their_apps(tmp_path: Path) -> None:
    with processes.simulators("dify") as sims:
        base = sims["dify"]["base_url"]
        verbs = f"{base.removesuffix('/v1')}/_sim"
        names = ("code", "verse", "sky", "general")
        apps = {
            name: {"key": f"app-{name}", "mode": "advanced-chat", "nodes": NODES, "answer": f"by {name}"}
            for name in names
        }
        apps["general"]["nodes"] = NODES[::2]
        processes.post(f"{verbs}/apps", {"apps": apps}, method="PUT")

        def starts() -> list[Any]:
            found: list[Any] = processes.get(f"{verbs}/starts")["starts"]
            return found

        before = _config(base, code="code", verse="verse", sky="sky", general="general")
        daemon = processes.Daemon(tmp_path, {"workflows": before, "router": {"embedder": "hashed"}})
        daemon.start()
        try:
            for user, text in USERS.items():
                daemon.run("send", f"{text} please", "--user", user, "--session", user, "--no-wait")
            wait_for(lambda: len(starts()) == len(USERS), daemon.log)
            time.sleep(0.5)  # their ids are known
            daemon.kill()
            after = _config(base, coder="code", lines="verse", general="general")
            daemon.config_file.write_text(json.dumps(daemon.config | {"workflows": after}))
            daemon.start()

            def turns() -> dict[str, dict[str, Any]]:
                rows = map(json.loads, daemon.run("turns", "--json").stdout.splitlines())
                return {row["text"].split()[0]: row for row in rows if row["state"] == "answered"}

            wait_for(lambda: len(turns()) == len(USERS), daemon.log)
            answers = {text: row["reply"] for text, row in turns().items()}
            assert answers == {"python": "by code", "poem": "by verse", "weather": "by general"}
            assert len(starts()) == len(USERS) + 1, starts()  # one more: nobody has the app that is gone
        finally:
            daemon.stop()
