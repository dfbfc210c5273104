"""Three platforms on one daemon: real processes, real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import configs, processes
from mindbot.testing.processes import Daemon

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, dict[str, Any], int]]:
    port = processes.free_port()
    folder = tmp_path_factory.mktemp("three")
    with (
        processes.simulators("wecom", "dingtalk", "wecomcs", "openai") as sims,
        processes.daemon(folder, configs.three(sims, port)) as daemon,
    ):
        yield daemon, sims, port


def url(sims: dict[str, Any], name: str, path: str) -> str:
    return f"{sims[name]['base_url']}/_sim/{path}"


@pytest.mark.parametrize("name", ["wecom", "dingtalk", "wecomcs"])
def test_every_message_is_answered_once(three: tuple[Daemon, dict[str, Any], int], name: str) -> None:
    _, sims, port = three
    plan = {
        "messages": 60,
        "users": 12,
        "rate": 60,
        "persistent": 10,
        "callback": configs.callback(name, port),
    }
    report = processes.post(url(sims, name, "traffic"), plan)
    assert (report["answered"], report["lost"], report["duplicated"]) == (60, 0, 0)


@pytest.mark.parametrize("name", ["wecom", "dingtalk", "wecomcs"])
def test_bots_are_well_and_prove_it(three: tuple[Daemon, dict[str, Any], int], name: str) -> None:
    daemon, _, _ = three
    shown = json.loads(daemon.cli("platform", "show", name, "--json").stdout)
    assert shown["state"] == "ok", shown
    done = daemon.cli("platform", "test", name, "--json")
    checks = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, checks
    assert checks


def test_a_push_with_a_file_reaches_the_user(
    three: tuple[Daemon, dict[str, Any], int], tmp_path: Path
) -> None:
    daemon, sims, _ = three
    file = tmp_path / "a.png"
    file.write_bytes(PNG)
    done = daemon.cli("platform", "push", "dingtalk", "look", "--user", "wang", "--file", str(file), "--json")
    assert done.returncode == 0, done.stderr
    turn = json.loads(done.stdout)["turn"]
    for _ in range(100):
        deliveries = [json.loads(line) for line in daemon.cli("trace", turn, "--json").stdout.splitlines()]
        if sum(d["kind"] == "delivery" and d["data"]["state"] == "sent" for d in deliveries) == 2:
            break
    seen = processes.get(url(sims, "dingtalk", "inbox?user=wang"))["messages"]
    assert [m["msgtype"] for m in seen] == ["sampleMarkdown", "sampleImageMsg"]
    group = daemon.cli("platform", "push", "dingtalk", "all", "--group", "team")
    assert group.returncode == 0, group.stderr


def test_a_picture_is_fetched_before_the_answer(three: tuple[Daemon, dict[str, Any], int]) -> None:
    import base64

    daemon, sims, _ = three
    body = {"user": "zhao", "msgtype": "picture", "body": {}, "file": base64.b64encode(PNG).decode()}
    processes.post(url(sims, "dingtalk", "push"), body)
    for _ in range(100):
        turns = daemon.cli("turns", 'user == "zhao" and state == "answered"', "--json").stdout.splitlines()
        if turns:
            break
    spans = daemon.cli("trace", json.loads(turns[0])["id"], "--json").stdout.splitlines()
    (media,) = [s for s in map(json.loads, spans) if s["kind"] == "media"]
    assert media["status"] == "ok" and media["data"]["size"] == len(PNG)


def test_an_operator_hands_a_conversation_over_and_the_bot_falls_silent(
    three: tuple[Daemon, dict[str, Any], int],
) -> None:
    daemon, sims, port = three
    callback = f"http://127.0.0.1:{port}/wecomcs/default/callback"
    processes.post(url(sims, "wecomcs", "callback"), {"url": callback})
    processes.post(url(sims, "wecomcs", "push"), {"user": "wmx", "text": "hello"})
    for _ in range(100):
        if processes.get(url(sims, "wecomcs", "inbox?user=wmx"))["messages"]:
            break
    session = "wecomcs:default:wkSIM1:wmx"
    done = daemon.cli("session", "transfer", session, "anna")
    assert done.returncode == 0 and json.loads(done.stdout)["servicer"] == "anna", done.stderr
    processes.post(url(sims, "wecomcs", "push"), {"user": "wmx", "text": "still there?"})
    for _ in range(100):
        found = daemon.cli("turns", f'session == "{session}" and state == "dropped"', "--json").stdout
        if found:
            break
    assert "with a person: anna" in json.loads(found.splitlines()[0])["reason"]
    again = daemon.cli("session", "transfer", session, "bot")
    assert again.returncode == 1 and "with a person" in again.stderr


def test_a_stopped_bot_keeps_what_it_has_to_say(three: tuple[Daemon, dict[str, Any], int]) -> None:
    daemon, _, _ = three
    assert daemon.cli("platform", "stop", "dingtalk").returncode == 0
    assert "stopped by an operator" in daemon.cli("platform", "show", "dingtalk").stdout
    assert daemon.cli("platform", "start", "dingtalk").returncode == 0
    for _ in range(50):
        if json.loads(daemon.cli("platform", "show", "dingtalk", "--json").stdout)["state"] == "ok":
            return
    pytest.fail("it did not come back")
