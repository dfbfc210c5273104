"""One message from a real wire to a real reply: real processes, real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from mindbot.testing import processes
from mindbot.testing.processes import Daemon

STAGES = {"deliver", "errors", "access", "limits", "session", "route", "run"}


@pytest.fixture(scope="module")
def spine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, dict[str, Any], int]]:
    port = processes.free_port()
    folder = tmp_path_factory.mktemp("spine")
    with (
        processes.simulators("wecom", "openai") as sims,
        processes.daemon(folder, processes.wecom_config(sims, port)) as daemon,
    ):
        yield daemon, sims, port


def traffic(spine: tuple[Daemon, dict[str, Any], int], **plan: Any) -> dict[str, Any]:
    _, sims, port = spine
    plan |= {"callback": f"http://127.0.0.1:{port}/wecom/default/callback"}
    return dict(processes.post(f"{sims['wecom']['base_url']}/_sim/traffic", plan))


@pytest.mark.full
def test_every_message_is_answered_once_and_in_order(spine: tuple[Daemon, dict[str, Any], int]) -> None:
    report = traffic(spine, messages=200, users=20, user_prefix="order")
    assert (report["answered"], report["lost"], report["duplicated"], report["misordered"]) == (200, 0, 0, 0)


@pytest.mark.full
def test_five_copies_of_a_callback_get_one_reply(spine: tuple[Daemon, dict[str, Any], int]) -> None:
    report = traffic(spine, messages=20, users=4, copies=5, user_prefix="copies", settle=1)
    assert (report["answered"], report["duplicated"]) == (20, 0)


def test_equal_texts_with_different_ids_are_all_answered(spine: tuple[Daemon, dict[str, Any], int]) -> None:
    report = traffic(spine, messages=6, users=2, equal_texts=True, user_prefix="equal")
    assert (report["answered"], report["duplicated"]) == (6, 0)


@pytest.mark.full
def test_send_and_trace_show_the_same_turn_with_a_span_for_every_stage(
    spine: tuple[Daemon, dict[str, Any], int],
) -> None:
    daemon, _, _ = spine
    sent = daemon.cli("send", "hello", "--json")
    assert sent.returncode == 0, sent.stderr
    turn = json.loads(sent.stdout)
    assert turn["state"] == "answered" and "hello" in turn["reply"] and turn["took_ms"] > 0
    traced = daemon.cli("trace", turn["turn"], "--json")
    assert traced.returncode == 0, traced.stderr
    spans = json.loads(traced.stdout)["spans"]
    assert {s["name"] for s in spans if s["kind"] == "stage"} >= STAGES
    assert any(s["kind"] == "model" for s in spans)


def test_sigterm_drains_and_exits_zero(tmp_path: Path) -> None:
    with processes.simulators("wecom", "openai", args=["--latency", "300"]) as sims:
        port = processes.free_port()
        daemon = Daemon(tmp_path, processes.wecom_config(sims, port))
        daemon.start()
        try:
            sent = daemon.cli("send", "hello", "--no-wait", "--json")
            assert sent.returncode == 0, sent.stderr
            turn = json.loads(sent.stdout)["turn"]
            assert daemon.stop() == 0, daemon.log()
            daemon.start()
            assert daemon.steps(turn)
            found = json.loads(daemon.cli("turns", "--json").stdout.splitlines()[0])
            assert (found["id"], found["state"], found["attempt"]) == (turn, "answered", 1)
        finally:
            daemon.stop()


def test_a_second_daemon_on_the_same_state_is_refused(spine: tuple[Daemon, dict[str, Any], int]) -> None:
    daemon, _, _ = spine
    second = daemon.cli("daemon", "run")
    assert second.returncode == 1
    assert str(daemon.pid) in second.stderr


@pytest.mark.full
def test_turns_trace_and_the_api_and_tail_say_the_same_of_a_turn(
    spine: tuple[Daemon, dict[str, Any], int],
) -> None:
    daemon, _, _ = spine
    with ThreadPoolExecutor(1) as pool:
        tailed = pool.submit(daemon.cli, "tail", 'text == "who is who"', "--limit", "1", "--json")
        while not tailed.done():  # until one came after it was there
            daemon.cli("send", "who is who")
    event = json.loads(tailed.result().stdout.splitlines()[0])
    listed = [json.loads(line) for line in daemon.cli("turns", 'text == "who is who"').stdout.splitlines()]
    spans = daemon.steps(event["id"])
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(daemon.socket)), base_url="http://daemon") as api:
        found = api.get(f"/v1/turns/{event['id']}").raise_for_status().json()
    row = next(each for each in listed if each["id"] == event["id"])
    for field in ("session", "state", "reply", "took_ms"):
        assert row[field] == found[field] == event[field], field
    assert [s for s in spans if s["kind"] != "delivery"] == found["spans"]
    assert [s["data"]["text"] for s in spans if s["kind"] == "delivery"] == [row["reply"]]
