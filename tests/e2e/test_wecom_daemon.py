"""A WeCom application on a real daemon: files both ways, the self-test, a member's limit."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import processes
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import wait_for

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
Pair = tuple[Daemon, str]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    port = processes.free_port()
    with processes.simulators("wecom", "openai") as sims:
        config = processes.wecom_config(sims, port)
        config["wecom"] |= {"agent_id": sims["wecom"]["agent_id"], "member_per_minute": 5}
        with processes.daemon(tmp_path_factory.mktemp("wecom"), config) as daemon:
            base = f"{sims['wecom']['base_url']}/_sim"
            url = f"http://127.0.0.1:{port}/wecom/default/callback"
            assert processes.post(f"{base}/verify", {"url": url})["ok"]
            yield daemon, base


def inbox(base: str, user: str) -> list[dict[str, Any]]:
    return list(processes.get(f"{base}/inbox?user={user}")["messages"])


@pytest.mark.full
def test_a_picture_of_a_member_is_fetched_before_the_answer(pair: Pair) -> None:
    daemon, base = pair
    content = base64.b64encode(PNG).decode()
    processes.post(f"{base}/push", {"user": "zhao", "msgtype": "image", "base64": content, "name": "cat.png"})
    wait_for(lambda: inbox(base, "zhao"))
    (turn,) = daemon.run("turns", 'user == "zhao"', "--json").stdout.splitlines()
    (media,) = [span for span in daemon.steps(json.loads(turn)["id"]) if span["kind"] == "media"]
    assert media["status"] == "ok"
    assert (media["data"]["size"], media["data"]["name"]) == (len(PNG), "cat.png")


def test_a_push_with_a_file_reaches_the_member(pair: Pair, tmp_path: Path) -> None:
    daemon, base = pair
    file = tmp_path / "图.png"
    file.write_bytes(PNG)
    done = daemon.run("platform", "push", "wecom", "look", "--user", "wang", "--file", str(file))
    assert done.returncode == 0, done.stderr
    seen = wait_for(lambda: len(found := inbox(base, "wang")) == 2 and found)
    assert [message["msgtype"] for message in seen] == ["text", "image"]


def test_the_self_test_names_the_address_to_allow(pair: Pair) -> None:
    daemon, base = pair
    done = daemon.run("platform", "test", "wecom", "--json")
    assert done.returncode == 0, done.stdout
    processes.post(f"{base}/rules", {"api": {"trusted_ips": ["203.0.113.7"]}}, method="PUT")
    try:
        done = daemon.run("platform", "test", "wecom", "--json")
        failed = [check for check in map(json.loads, done.stdout.splitlines()) if check["state"] == "failed"]
        assert done.returncode == 1
        assert [check["name"] for check in failed] == ["trusted IP"]
        assert "127.0.0.1" in failed[0]["mend"]
    finally:
        processes.post(f"{base}/rules", {"api": {"trusted_ips": []}}, method="PUT")


def test_a_members_limit_delays_that_member_alone(pair: Pair) -> None:
    daemon, base = pair
    for n in range(7):
        processes.post(f"{base}/push", {"user": "busy", "text": f"question {n}"})
    wait_for(lambda: len(inbox(base, "busy")) == 5)
    waiting = 'user == "busy"'
    wait_for(lambda: len(daemon.run("turns", waiting, "--json").stdout.splitlines()) == 7)
    processes.post(f"{base}/push", {"user": "calm", "text": "hello"})
    wait_for(lambda: inbox(base, "calm"))
    assert len(inbox(base, "busy")) == 5
    shown = json.loads(daemon.run("platform", "show", "wecom", "--json").stdout)
    assert shown["details"]["held_for_member_limit"] >= 1
    assert not daemon.run("dlq", "list", "--json").stdout.strip()
