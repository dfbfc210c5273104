"""DingTalk as real processes: connections kicked under load, kill -9, cards within limits, many bots."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from mindbot.bench import dingtalk
from mindbot.testing import configs, processes


@pytest.mark.slow
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


@pytest.mark.full
@pytest.mark.timeout(300)
def test_a_minute_of_kicks_loses_and_doubles_nothing() -> None:
    found = dingtalk.kicks(60, 50, 10)
    assert found["kicked"] >= 5
    assert (found["lost"], found["doubled"]) == (0, 0)


@pytest.mark.full
@pytest.mark.timeout(300)
def test_cards_of_many_stay_within_the_limits_and_end_with_the_whole_answer() -> None:
    found = dingtalk.cards(60)
    assert (found["answers"], found["cards_finished"], found["throttled"], found["doubled"]) == (60, 60, 0, 0)


@pytest.mark.full
@pytest.mark.timeout(300)
def test_many_bots_are_held_by_one_daemon() -> None:
    assert dingtalk.bots(300)["connections"] == 300


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_five_minutes_of_kicks_lose_and_double_nothing() -> None:
    found = dingtalk.kicks(300, 50, 10)
    print(found)
    assert found["kicked"] >= 25
    assert (found["lost"], found["doubled"]) == (0, 0)
