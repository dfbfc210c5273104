"""What became of an answer outlives kill -9, in every list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mindbot.testing import configs, processes


@pytest.mark.full
@pytest.mark.timeout(300)
def test_an_answer_that_nobody_got_is_still_undelivered_after_a_kill(tmp_path: Path) -> None:
    with (
        processes.simulators("dingtalk", "openai") as sims,
        processes.daemon(tmp_path, configs.dingtalk(sims)) as daemon,
    ):
        done = daemon.run("send", "hi", "--platform", "dingtalk", "--user", "nobody8", "--yes", "--json")
        sent = json.loads(done.stdout)
        assert (done.returncode, sent["state"]) == (1, "answered") and sent["undelivered"]
        daemon.kill()
        assert daemon.log(100_000).count("delivery given up") == 1
        daemon.start()
        (line,) = map(json.loads, daemon.run("turns", "undelivered", "--json").stdout.splitlines())
        assert (line["id"], line["delivery_error"]) == (sent["turn"], sent["delivery_error"])
        assert daemon.run("dlq", "discard", f"{sent['turn']}-0").returncode == 0
        daemon.kill()
        daemon.start()
        (line,) = map(json.loads, daemon.run("turns", "--json").stdout.splitlines())
        assert (line["delivery"], line["undelivered"]) == ("discarded", False)
