"""Three platforms on one daemon: real processes, real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import configs, processes
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import wait_for

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


@pytest.mark.full
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
    shown = json.loads(daemon.run("platform", "show", name, "--json").stdout)
    assert shown["state"] == "ok", shown
    done = daemon.run("platform", "test", name, "--json")
    checks = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, checks
    assert checks


def test_a_push_with_a_file_reaches_the_user(
    three: tuple[Daemon, dict[str, Any], int], tmp_path: Path
) -> None:
    daemon, sims, _ = three
    file = tmp_path / "a.png"
    file.write_bytes(PNG)
    done = daemon.run("platform", "push", "dingtalk", "look", "--user", "wang", "--file", str(file), "--json")
    assert done.returncode == 0, done.stderr
    turn = json.loads(done.stdout)["turn"]

    def sent() -> int:
        steps = daemon.steps(turn)
        return sum(span["kind"] == "delivery" and span["data"]["state"] == "sent" for span in steps)

    wait_for(lambda: sent() == 2)
    seen = processes.get(url(sims, "dingtalk", "inbox?user=wang"))["messages"]
    assert [m["msgtype"] for m in seen] == ["sampleMarkdown", "sampleImageMsg"]
    group = daemon.run("platform", "push", "dingtalk", "all", "--group", "team")
    assert group.returncode == 0, group.stderr


def test_a_picture_is_fetched_before_the_answer(three: tuple[Daemon, dict[str, Any], int]) -> None:
    import base64

    daemon, sims, _ = three
    body = {"user": "zhao", "msgtype": "picture", "body": {}, "file": base64.b64encode(PNG).decode()}
    processes.post(url(sims, "dingtalk", "push"), body)
    turn = answered(daemon, 'user == "zhao"')
    (media,) = [span for span in daemon.steps(turn["id"]) if span["kind"] == "media"]
    assert media["status"] == "ok" and media["data"]["size"] == len(PNG)


def test_an_operator_hands_a_conversation_over_and_the_bot_falls_silent(
    three: tuple[Daemon, dict[str, Any], int],
) -> None:
    daemon, sims, port = three
    callback = f"http://127.0.0.1:{port}/wecomcs/default/callback"
    processes.post(url(sims, "wecomcs", "callback"), {"url": callback})
    processes.post(url(sims, "wecomcs", "push"), {"user": "wmx", "text": "hello"})
    wait_for(lambda: processes.get(url(sims, "wecomcs", "inbox?user=wmx"))["messages"])
    session = "wecomcs:default:wkSIM1:wmx"
    done = daemon.run("session", "transfer", session, "anna")
    assert done.returncode == 0 and json.loads(done.stdout)["servicer"] == "anna", done.stderr
    processes.post(url(sims, "wecomcs", "push"), {"user": "wmx", "text": "still there?"})
    dropped = f'session == "{session}" and state == "dropped"'
    found = wait_for(lambda: daemon.run("turns", dropped, "--json").stdout)
    assert "with a person: anna" in json.loads(found.splitlines()[0])["reason"]
    again = daemon.run("session", "transfer", session, "bot")
    assert again.returncode == 1 and "with a person" in again.stderr


def ask_ding(sims: dict[str, Any], user: str, text: str, **more: Any) -> None:
    """Let somebody write to the DingTalk bot; ``more`` are fields of the message."""
    body = {"user": user, "msgtype": "text", "body": {"content": text}, "fields": more}
    processes.post(url(sims, "dingtalk", "push"), body)


def answered(daemon: Daemon, filter: str) -> dict[str, Any]:
    """Wait for an answered turn that matches; returns its line in the list."""
    those = f'state == "answered" and {filter}'
    found = wait_for(lambda: daemon.run("turns", those, "--json").stdout, lambda: f"no turn: {filter}")
    line: dict[str, Any] = json.loads(found.splitlines()[0])
    return line


def test_the_sender_is_known_by_name_and_department(three: tuple[Daemon, dict[str, Any], int]) -> None:
    daemon, sims, _ = three
    ask_ding(sims, "chen", "who am I?")
    line = answered(daemon, 'user == "chen" and department == "7"')
    assert line["user_name"] == "Chen" and "7" in line["department"]
    (span,) = [each for each in daemon.steps(line["id"]) if each["kind"] == "people"]
    assert span["status"] == "ok"


def test_whoever_is_in_no_directory_is_answered_all_the_same(
    three: tuple[Daemon, dict[str, Any], int],
) -> None:
    daemon, sims, _ = three
    ask_ding(sims, "nobody9", "hello?")
    line = answered(daemon, 'user == "nobody9"')
    assert "user_name" not in line
    (span,) = [each for each in daemon.steps(line["id"]) if each["kind"] == "people"]
    assert span["status"] == "error" and span["data"]["error"]


def test_a_message_without_the_staff_id_stays_in_the_conversation(
    three: tuple[Daemon, dict[str, Any], int],
) -> None:
    daemon, sims, _ = three
    ask_ding(sims, "zhou", "one")
    first = answered(daemon, 'user == "zhou" and text == "one"')
    ask_ding(sims, "zhou", "two", senderStaffId="")
    second = answered(daemon, 'platform == "dingtalk" and text == "two"')
    assert (second["user"], second["session"]) == ("zhou", first["session"])


def test_a_push_that_the_platform_refuses_says_why(three: tuple[Daemon, dict[str, Any], int]) -> None:
    daemon, _, _ = three
    done = daemon.run("platform", "push", "dingtalk", "hello", "--user", "nobody8", "--json")
    (delivery,) = json.loads(done.stdout)["deliveries"]
    assert done.returncode == 1 and delivery["state"] == "dead"
    assert "staffId.notExisted" in delivery["error"]
    traffic = json.loads(daemon.run("platform", "show", "dingtalk", "--json").stdout)["traffic"]
    assert traffic["dead"] >= 1 and "staffId.notExisted" in traffic["error"]


def test_a_test_message_says_that_its_reply_did_not_arrive_and_which_setting_mends_it(
    three: tuple[Daemon, dict[str, Any], int],
) -> None:
    daemon, _, _ = three
    done = json.loads(daemon.run("send", "hi", "--platform", "wecom", "--user", "sun", "--yes").stdout)
    assert done["state"] == "answered" and "agent_id" in done["delivery_error"]
    known = json.loads(daemon.run("send", "hi", "--platform", "dingtalk", "--user", "sun", "--yes").stdout)
    assert known["undelivered"] is False


def test_refusals_say_what_is_meant(three: tuple[Daemon, dict[str, Any], int], tmp_path: Path) -> None:
    daemon, _, _ = three
    unknown = daemon.run("send", "hi", "--platform", "dingtlk", "--yes")
    assert unknown.returncode == 1 and "did you mean dingtalk?" in unknown.stderr
    nobody = daemon.run("platform", "push", "dingtalk", "hi")
    assert nobody.returncode == 2 and "name one of them" in nobody.stderr
    nowhere = daemon.run("session", "transfer", "console:default:me", "pool")
    assert nowhere.returncode == 1 and "no session" in nowhere.stderr
    big = tmp_path / "big.bin"
    with big.open("wb") as file:
        file.truncate((50 << 20) + 1)
    large = daemon.run("send", "hi", "--platform", "dingtalk", "--user", "wu", "--file", str(big), "--yes")
    assert large.returncode == 1 and "media.max_size" in large.stderr


def test_only_sessions_with_people_behind_them_say_they_can_be_handed_over(
    three: tuple[Daemon, dict[str, Any], int],
) -> None:
    daemon, sims, _ = three
    ask_ding(sims, "qian", "hello")
    answered(daemon, 'user == "qian"')
    found = [json.loads(each) for each in daemon.run("session", "list", "--limit", "500").stdout.splitlines()]
    assert {each["platform"] for each in found if each["transfer"]} <= {"wecomcs"}
    assert not any(each["transfer"] for each in found if each["user"] == "qian")


def test_a_stopped_bot_keeps_what_it_has_to_say(three: tuple[Daemon, dict[str, Any], int]) -> None:
    daemon, sims, _ = three
    assert daemon.run("platform", "stop", "dingtalk").returncode == 0
    stopped = json.loads(daemon.run("platform", "show", "dingtalk", "--json").stdout)
    assert (stopped["state"], stopped["reason"]) == ("stopped", "stopped by an operator")
    waits = daemon.run("platform", "push", "dingtalk", "later", "--user", "late", "--timeout", "0.5")
    assert waits.returncode == 4 and json.loads(waits.stdout)["deliveries"][0]["state"] == "pending"
    assert daemon.run("platform", "start", "dingtalk").returncode == 0
    wait_for(lambda: processes.get(url(sims, "dingtalk", "inbox?user=late"))["messages"])

    def back() -> bool:
        shown = json.loads(daemon.run("platform", "show", "dingtalk", "--json").stdout)
        connections = shown["details"].get("connections")
        return shown["state"] == "ok" and bool(connections) and connections[0]["state"] == "connected"

    wait_for(back, lambda: daemon.run("platform", "show", "dingtalk", "--json").stdout)
