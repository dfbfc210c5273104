"""DingTalk as real processes: connections kicked under load, kill -9, cards within limits, many bots."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mindbot.bench import dingtalk
from mindbot.platforms.dingtalk.cards import INTERRUPTED
from mindbot.testing import configs, processes
from mindbot.testing.waiting import wait_for


@pytest.mark.full
def test_kill_9_under_load_loses_and_repeats_nothing(tmp_path: Path) -> None:
    with processes.simulators("dingtalk", "openai") as sims:
        url = sims["dingtalk"]["base_url"]
        dingtalk.put(url, "rules", {"stream": {"repush": 0.5, "attempts": 100}})
        daemon = processes.Daemon(tmp_path, configs.dingtalk(sims))
        daemon.start()
        reports = []
        plan = {"messages": 300, "users": 20, "rate": 60, "persistent": 60, "quiet": 20}
        talk = threading.Thread(target=lambda: reports.append(processes.post(f"{url}/_sim/traffic", plan)))
        talk.start()
        try:
            for _ in range(2):
                time.sleep(1.5)  # somewhere in the middle
                daemon.kill()
                daemon.start()
            talk.join(90)
        finally:
            daemon.stop()
    (report,) = reports
    assert (report["answered"], report["lost"], report["unacked"]) == (300, 0, 0)
    # The robot API knows no request again: what was on the wire at a kill may be seen twice, once a session.
    assert report["duplicated"] <= 2 * 20


LONG = " ".join(f"word{n}" for n in range(60))


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[tuple[processes.Daemon, str]]:
    """A daemon whose answers grow slowly on cards, and its simulated DingTalk."""
    with processes.simulators("dingtalk", "openai", args=["--tokens-per-second", "25"]) as sims:
        url = sims["dingtalk"]["base_url"]
        dingtalk.put(url, "rules", {"stream": {"repush": 0.5, "attempts": 100}})
        settings = {"enable_stream_reply": True, "card_template_id": "mine", "card_pace": 0.3}
        daemon = processes.Daemon(tmp_path, configs.dingtalk(sims, **settings))
        daemon.start()
        try:
            yield daemon, url
        finally:
            daemon.stop()


def inbox(url: str, user: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = processes.get(f"{url}/_sim/inbox?user={user}")["messages"]
    return found


def growing_card(url: str) -> dict[str, Any]:
    def look() -> Any:
        cards = processes.get(f"{url}/_sim/cards")["cards"]
        return next((card for card in cards if len(card["updates"]) >= 2), None)

    card: dict[str, Any] = wait_for(look)
    return card


@pytest.mark.full
def test_kill_9_while_a_card_grows_ends_it_as_interrupted_and_answers_once(
    growing: tuple[processes.Daemon, str],
) -> None:
    daemon, url = growing
    processes.post(f"{url}/_sim/push", {"user": "li", "text": LONG, "persistent": 10})
    card = growing_card(url)
    assert card["state"] == "inputing" and f"echo: {LONG}".startswith(card["text"])
    daemon.kill()
    daemon.start()
    wait_for(lambda: any(message["msgtype"] != "card" for message in inbox(url, "li")))
    processes.post(f"{url}/_sim/push", {"user": "li", "text": "still there?", "persistent": 10})
    wait_for(lambda: any("still there?" in message["text"] for message in inbox(url, "li")))
    texts = [message["text"] for message in inbox(url, "li")]
    assert texts == [INTERRUPTED, f"echo: {LONG}", "echo: still there?"]
    assert processes.get(f"{url}/_sim/cards")["cards"][0]["state"] == "finished"


@pytest.mark.full
def test_the_stop_button_ends_the_answer_with_what_is_there(growing: tuple[processes.Daemon, str]) -> None:
    daemon, url = growing
    processes.post(f"{url}/_sim/push", {"user": "li", "text": LONG, "persistent": 10})
    card = growing_card(url)
    press = {"outTrackId": card["outTrackId"], "user": "li", "action": "stop"}
    assert processes.post(f"{url}/_sim/press", press)["acked"]
    wait_for(lambda: processes.get(f"{url}/_sim/cards")["cards"][0]["state"] == "finished")
    (seen,) = inbox(url, "li")
    assert f"echo: {LONG}".startswith(seen["text"]) and card["text"] in seen["text"]
    assert len(seen["text"]) < len(f"echo: {LONG}")
    assert daemon.cli("platform", "show", "dingtalk").returncode == 0


@pytest.mark.full
@pytest.mark.timeout(300)
def test_a_minute_of_kicks_loses_and_doubles_nothing() -> None:
    found = dingtalk.kicks(60, 50, 10)
    print(found)
    assert found["kicked"] + found["rotated"] >= 5 and found["rotated"] >= 2
    assert (found["lost"], found["doubled"]) == (0, 0)


@pytest.mark.full
@pytest.mark.timeout(300)
def test_cards_of_many_stay_within_the_limits_and_end_with_what_the_model_said() -> None:
    found = dingtalk.cards(60)
    print(found)
    assert (found["answers"], found["identical"], found["doubled"]) == (60, 60, 0)
    # A machine that stalls lets what was spaced out arrive together: then some are told to wait, and do.
    assert found["throttled"] <= found["updates"] // 10
    assert found["fewest_updates"] >= 1


@pytest.mark.full
@pytest.mark.timeout(300)
def test_many_bots_are_held_by_one_daemon() -> None:
    found = dingtalk.bots(300)
    print(found)
    assert found["connections"] == 300
    assert found["kb_per_bot"] < 150


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_five_minutes_of_kicks_lose_and_double_nothing() -> None:
    found = dingtalk.kicks(300, 50, 10)
    print(found)
    assert found["kicked"] + found["rotated"] >= 25 and found["rotated"] >= 10
    assert (found["lost"], found["doubled"]) == (0, 0)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_two_hundred_cards_end_with_what_the_model_said() -> None:
    found = dingtalk.cards(200)
    print(found)
    assert (found["answers"], found["identical"], found["throttled"], found["doubled"]) == (200, 200, 0, 0)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_thousand_bots_are_held_by_one_daemon() -> None:
    found = dingtalk.bots(1000)
    print(found)
    assert found["connections"] == 1000
    assert found["kb_per_bot"] < 150
