"""kill -9 at random moments under load: nothing lost, nothing said twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindbot.bench.wire import kill_run
from mindbot.testing import processes


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_five_kills_lose_and_repeat_nothing() -> None:
    figures = kill_run(messages=300, users=50, kills=5, seconds=15)
    assert figures["kills"] == 5
    assert (figures["unanswered"], figures["lost"], figures["duplicated"]) == (0, 0, 0)


@pytest.mark.full
def test_an_answer_equal_to_one_from_before_the_crash_is_shown(tmp_path: Path) -> None:
    port = processes.free_port()
    plan = {"callback": f"http://127.0.0.1:{port}/wecom/default/callback", "equal_texts": True}
    plan |= {"messages": 2, "users": 1, "text": "the same question", "user_prefix": "mei", "quiet": 10}
    with processes.simulators("wecom", "openai") as sims:
        daemon = processes.Daemon(tmp_path, processes.wecom_config(sims, port))
        daemon.start()
        try:
            for _ in range(2):
                report = processes.post(f"{sims['wecom']['base_url']}/_sim/traffic", plan)
                assert (report["answered"], report["lost"], report["duplicated"]) == (2, 0, 0)
                daemon.kill()
                daemon.start()
        finally:
            daemon.stop()


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_fifty_kills_lose_and_repeat_nothing() -> None:
    figures = kill_run(messages=1000, users=200, kills=50, seconds=150)
    assert figures["kills"] == 50
    assert (figures["unanswered"], figures["lost"], figures["duplicated"]) == (0, 0, 0)
