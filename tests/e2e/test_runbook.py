"""The faults of docs/runbook.md are made, and its commands say what the page says of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import configs, processes
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import PATIENCE, wait_for

pytestmark = [pytest.mark.full, pytest.mark.slow]
PAGE = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")


@dataclass
class House:
    """A daemon with a bot on three platforms, and what is simulated around it."""

    daemon: Daemon
    sims: dict[str, Any]
    port: int

    def says(self, *command: str) -> str:
        """Return all that a command says, whatever its end."""
        done = self.daemon.run(*command)
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr

    def faults(self, name: str, *faults: str) -> None:
        url = self.sims[name]["base_url"].removesuffix("/v1")
        processes.post(f"{url}/_sim/faults", {"faults": list(faults)}, method="PUT")

    def write(self, user: str, text: str) -> None:
        """Let a WeCom user write; ends whether it is acknowledged or not."""
        body = {"user": user, "text": text, "url": configs.callback("wecom", self.port)}
        processes.post(f"{self.sims['wecom']['base_url']}/_sim/push", body)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    port = processes.free_port()
    with processes.simulators("wecom", "dingtalk", "wecomcs", "openai", args=("--strict",)) as sims:
        config = configs.three(sims, port)
        config["dingtalk"]["client_secret"] = "wrong"
        config["wecomcs"]["EncodingAESKey"] = "credential:nobody-set-this-key"
        with processes.daemon(tmp_path_factory.mktemp("runbook"), config) as daemon:
            yield House(daemon, sims, port)


@pytest.fixture(autouse=True)
def well_again(house: House) -> Iterator[None]:
    yield
    for name in ("wecom", "openai"):
        house.faults(name)
    house.says("provider", "enable", "openai")  # who was refused is left alone for a while


def on_page(*words: str) -> None:
    """See that the page names what is looked for here."""
    missing = [word for word in words if word not in PAGE]
    assert not missing


def test_a_bot_that_somebody_stopped(house: House) -> None:
    on_page("`stopped`", "mindbot platform start BOT")
    house.says("platform", "stop", "wecom")
    assert '"stopped"' in house.says("platform", "show", "wecom")
    house.says("platform", "start", "wecom")
    assert '"stopped"' not in house.says("platform", "show", "wecom")


def test_credentials_that_the_platform_refuses(house: House) -> None:
    on_page("`needs credentials`")
    wait_for(lambda: "needs credentials" in house.says("platform", "show", "dingtalk"))
    assert "dingtalk" in house.says("daemon", "status")


def test_callbacks_that_do_not_come_are_refused_or_stray(house: House) -> None:
    on_page("callbacks: none since the start", "callbacks refused", "stray requests")
    house.says("platform", "restart", "wecom")
    assert "none" in house.says("platform", "test", "wecom")
    house.faults("wecom", "bad-signature:n=1")
    house.write("lin", "forged once")
    assert "refused" in house.says("platform", "show", "wecom")
    with pytest.raises(OSError):
        processes.post(f"http://127.0.0.1:{house.port}/elsewhere/callback", {})
    assert "/elsewhere/callback" in house.says("platform", "test", "wecom")


def test_a_clock_that_is_wrong(house: House) -> None:
    on_page("`timestamp outside the window`")
    house.faults("wecom", "stale:n=1")
    house.write("lin", "signed long ago")
    wait_for(lambda: "timestamp outside the window" in house.says("platform", "show", "wecom"))


def test_a_user_who_complains_of_silence(house: House) -> None:
    on_page("""mindbot turns 'user == "zhangsan"' --limit 20""", "delivery `dead`", "mindbot dlq list")
    house.faults("wecom", "81013@message/send")
    house.write("zhangsan", "where is my answer")
    turns = ("turns", 'user == "zhangsan"', "--limit", "20")
    wait_for(lambda: '"answered"' in house.says(*turns))
    wait_for(lambda: "every receiver is invalid" in house.says("dlq", "list"))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("401", "auth_failed"),
        ("402", "quota_exceeded"),
        ("429", "rate_limited"),
        ("503", "overloaded"),
        ("drop", "network"),
        ("404", "rejected"),
    ],
)
def test_a_model_that_refuses(house: House, fault: str, kind: str) -> None:
    on_page(f"`{kind}`", "mindbot turns 'state == failed' --limit 20", "mindbot provider enable NAME")
    house.faults("openai", fault)
    house.says("send", f"asked with {kind}", "--timeout", "60")
    failed = house.says("turns", f"state == failed and error == {kind}", "--limit", "20")
    assert f"asked with {kind}" in failed, house.says("turns", "--limit", "3")


def test_an_answer_without_words(house: House) -> None:
    on_page("mindbot turns 'error == empty_answer' --limit 20")
    url = house.sims["openai"]["base_url"].removesuffix("/v1")
    processes.post(f"{url}/_sim/script", {"replies": [{"text": " "}] * 8})
    house.says("send", "say nothing")
    processes.post(f"{url}/_sim/reset", {})
    assert "say nothing" in house.says("turns", "error == empty_answer", "--limit", "20")


def test_a_queue_that_grows(house: House) -> None:
    on_page("mindbot turns 'state in [queued, running]' --limit 50")
    house.faults("openai", "hang")
    for _ in range(2):
        house.says("send", "waits", "--no-wait", "--user", "one")
    assert house.says("turns", "state in [queued, running]", "--limit", "50").count('"waits"') == 2
    assert '"running":1' in house.says("daemon", "status", "--json").replace(" ", "")


def test_a_secret_that_is_missing(house: House) -> None:
    on_page("mindbot config check --secrets")
    assert "nobody-set-this-key" in house.says("config", "check", "--secrets")
    wait_for(lambda: "nobody-set-this-key" in house.says("platform", "show", "wecomcs"))


def test_a_second_daemon(house: House) -> None:
    on_page("a daemon is running already with")
    command = [sys.executable, "-m", "mindbot.cli.main", "--config", str(house.daemon.config_file)]
    done = subprocess.run(
        [*command, "daemon", "run"], capture_output=True, text=True, timeout=2 * PATIENCE, env=os.environ
    )
    assert done.returncode == 1 and f"already with {house.daemon.folder / 'state'}" in done.stderr
    assert f"pid {house.daemon.pid}" in done.stderr


def test_a_database_that_was_deleted_while_it_runs(tmp_path: Path) -> None:
    on_page("A file that was deleted while the daemon runs", "mindbot db backup FILE")
    with processes.daemon(
        tmp_path, {"providers": {"scripted": {}}}
    ) as daemon:  # its own: it cannot be undone
        assert "echo: keep me" in daemon.run("send", "keep me").stdout
        (daemon.folder / "state" / "mindbot.db").unlink()
        wait_for(lambda: daemon.run("daemon", "status").returncode == 1)
        daemon.run("db", "backup", str(tmp_path / "saved.db"))
        assert "keep me" in (tmp_path / "saved.db").read_bytes().decode(errors="replace")
