"""`mindbot rehearse` as an operator runs it: a process of its own, every platform, real sockets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing.waiting import PATIENCE, wait_for

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]
WECOM = {
    "corpid": "ww1",
    "secret": "keyring:nowhere",
    "token": "${NOT_SET_TOKEN}",
    "EncodingAESKey": "credential:nowhere",
}
CONFIG: dict[str, Any] = {
    "router": {"embedder": "hashed"},
    "dingtalk": {"client_id": "ding1", "client_secret": "keyring:nowhere", "enable_stream_reply": True},
    "wecom": [{**WECOM, "name": "hr"}, {**WECOM, "name": "it", "corpid": "ww2", "port": 2290}],
    "wecomcs": WECOM,
    "wecombot": [
        {"name": "line", "mode": "connection", "bot_id": "aib1", "secret": "keyring:nowhere"},
        {"name": "hook", "token": "${NOT_SET_TOKEN}", "EncodingAESKey": "credential:nowhere"},
    ],
    "providers": {
        "openai": {"api_key": "${NOT_SET_KEY}", "models": ["gpt-4"]},
        "deepseek": {"api_key": "keyring:nowhere", "models": ["deepseek-chat"]},
        "google": {"api_keys": ["keyring:nowhere", "credential:neither"], "models": ["gemini"]},
    },
    "provider_selection": {"strategy": "first", "fallback_order": ["openai", "deepseek", "google"]},
    "access": {"deny": ["stranger"]},
}


def rehearse(
    folder: Path, *arguments: str, config: dict[str, Any] | None = None, play: Any = None
) -> subprocess.CompletedProcess[str]:
    """Run it with nothing of this machine's: no home, no configuration, a backend of keyrings that fails."""
    return subprocess.run(
        command(folder, *arguments, config=config, play=play),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env=environ(folder),
    )


def command(folder: Path, *arguments: str, config: dict[str, Any] | None, play: Any) -> list[str]:
    file = folder / "mindbot.yaml"
    file.write_text(json.dumps(config or CONFIG))
    file.chmod(0o600)
    if play is not None:
        (folder / "play.yaml").write_text(json.dumps(play))
        arguments = (str(folder / "play.yaml"), *arguments)
    return [sys.executable, "-m", "mindbot.cli.main", "--config", str(file), "rehearse", *arguments]


def environ(folder: Path) -> dict[str, str]:
    (folder / "tmp").mkdir(exist_ok=True)
    kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    return {
        **kept,
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        "HTTPS_PROXY": "http://192.0.2.1:3128",
    }


def told(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ended.stdout, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_every_platform_answers_on_the_phone_without_a_secret_or_a_connection(tmp_path: Path) -> None:
    ended = rehearse(tmp_path, "--json")
    found = told(ended)
    assert (ended.returncode, found["ok"], found["errors"]) == (0, True, []), found
    assert {line["platform"] for line in found["lines"]} == {"dingtalk", "wecom", "wecomcs", "wecombot"}
    assert all(line["got"] == [f"echo: {line['text']}"] for line in found["lines"])
    assert not list((tmp_path / "tmp").iterdir()), "nothing stays behind"
    assert not (tmp_path / ".local").exists()


def test_each_bot_of_a_platform_and_its_groups_can_be_written_to(tmp_path: Path) -> None:
    bots = [("wecom", "hr"), ("wecom", "it"), ("wecombot", "line"), ("wecombot", "hook"), ("dingtalk", "")]
    talks = [{"platform": p, "bot": b, "says": ["one", "two"]} for p, b in bots]
    talks += [{"platform": "wecombot", "bot": "hook", "group": "g1", "user": "mei", "says": ["in a group"]}]
    found = told(rehearse(tmp_path, "--json", play={"conversations": talks}))
    assert found["ok"], found
    assert [line["got"] for line in found["lines"]] == [
        *[["echo: one"], ["echo: two"]] * 5,
        ["echo: in a group"],
    ]


def test_a_fault_shows_who_answers_instead_and_what_to_mend(tmp_path: Path) -> None:
    play = {"conversations": [{"platform": "wecom", "says": ["hello"]}], "faults": {"openai": 503}}
    ended = rehearse(tmp_path, "--json", "--fault", "deepseek=402", play=play)
    found = told(ended)
    assert ended.returncode == 0 and found["providers"] == {"google": 1}
    assert [line.split(":")[0] for line in found["lines"][0]["failures"]] == [
        "provider openai",
        "provider deepseek",
    ]
    assert any(line.startswith("provider openai:") and "google" in line for line in found["mend"])


WORKFLOWS: dict[str, Any] = {
    "general_chat": {"dify_api_key": "keyring:nowhere"},
    "code_analysis": {"dify_api_key": "${NOT_SET_KEY}", "max_retries": 0, "fallback": ["own"]},
    "own": {
        "type": "workflow",
        "dify_api_key": "keyring:nowhere",
        "examples": ["reserve a meeting room", "which rooms are free"],
        "input_key": "question",
        "output_key": "told",
    },
    "bot": {"type": "coze", "api_key": "keyring:nowhere", "bot_id": "74", "examples": ["order lunch"]},
    "several": {
        "dify_api_key": "keyring:nowhere",
        "examples": ["translate this letter"],
        "max_retries": 0,
        "replicas": [{"name": "b", "dify_api_key": "credential:nowhere"}],
    },
}


def test_workflows_are_reached_and_one_that_fails_has_others_in_its_place(tmp_path: Path) -> None:
    said = {
        "own": "which rooms are free",
        "bot": "order lunch",
        "several": "translate this letter",
        "general_chat": "good morning",
    }
    talks: list[Any] = [
        {"platform": "wecom", "says": [{"text": text, "expect": {"workflow": name, "reply": text}}]}
        for name, text in said.items()
    ]
    bug = {"text": "debug my python function", "expect": {"workflow": "own", "reply": "^own: debug"}}
    talks += [{"platform": "wecom", "says": [bug]}]
    boss = {"text": "hello", "expect": {"workflow": "bot", "rule": "boss"}}
    talks += [{"platform": "wecom", "user": "boss", "says": [boss]}]
    rules = [
        {"name": "boss", "user": ["boss"], "workflow": "bot"},
        {"name": "nobody", "user": ["nobody-at-all"], "workflow": "own"},
    ]
    play = {"conversations": talks, "faults": {"code_analysis": 504, "several/b": 500}}
    config = {**CONFIG, "workflows": WORKFLOWS, "routes": rules}
    ended = rehearse(tmp_path, "--json", config=config, play=play)
    found = told(ended)
    assert ended.returncode == 0, found
    (failure,) = found["lines"][4]["failures"]
    assert failure.startswith("workflow code_analysis: ")
    mend = "\n".join(found["mend"])
    assert "answered all the same by own" in mend and "the rule nobody never matched" in mend
    assert found["workflows"] == {"own": 2, "bot": 2, "several": 1, "general_chat": 1}


def test_an_operators_samples_answer_as_they_are(tmp_path: Path) -> None:
    """All nine files on top of each other, on four platforms, without a key of anybody's."""
    samples = Path(__file__).parents[1] / "data" / "config"
    files = [word for file in sorted(samples.glob("*.yaml")) for word in ("--config", str(file))]
    ended = subprocess.run(
        [sys.executable, "-m", "mindbot.cli.main", *files, "rehearse", "--json"],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env=environ(tmp_path),
    )
    found = told(ended)
    assert ended.returncode == 0 and found["answered"] == found["messages"] > 30, found
    assert len(found["workflows"]) == 6
    assert not [line for line in found["mend"] if "never matched" in line or "nobody reached" in line]


def test_expectations_decide_the_exit_code_and_are_told(tmp_path: Path) -> None:
    says = [
        {"text": "good", "expect": {"reply": "^echo: good$", "runner": "chat", "workflow": None}},
        {"text": "bad", "expect": {"reply": "no such words"}},
    ]
    stranger = {"platform": "wecom", "user": "stranger", "says": [{"text": "let me in"}]}
    denied = {**stranger, "says": [{"text": "let me in", "expect": {"state": "dropped"}}]}
    play = {"conversations": [{"platform": "wecom", "says": says}, stranger, denied]}
    ended = rehearse(tmp_path, "--json", play=play)
    assert ended.returncode == 1
    good, bad, refused, meant = told(ended)["lines"]
    assert not good["wrong"] and not meant["wrong"]
    assert bad["wrong"] == ["the answer holds no 'no such words'"]
    assert "dropped, not answered: access: denied" in refused["wrong"][0]


def test_a_host_that_nobody_stands_in_for_is_refused_and_told(tmp_path: Path) -> None:
    """The rehearsal's own guard stands behind the exchanged addresses: here one is put back."""
    script = (
        "import sys; from mindbot.rehearsal import stand_ins as s; done = s._Casting.done\n"
        "async def leak(self):\n"
        "    made = await done(self); p = made.config.providers['openai']\n"
        "    p = p.model_copy(update={'base_url': 'https://api.openai.com/v1'})\n"
        "    made.config = made.config.model_copy(update={'providers': {'openai': p}}); return made\n"
        "s._Casting.done = leak\n"
        "from mindbot.cli.main import main; main(sys.argv[1:])"
    )
    whole = command(
        tmp_path, "--json", config=None, play={"conversations": [{"platform": "wecom", "says": ["x"]}]}
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *whole[3:]],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env=environ(tmp_path),
    )
    assert ended.returncode == 1
    assert any("api.openai.com was called for, and refused" in line for line in told(ended)["errors"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_when_told_to_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    play = {
        "conversations": [{"platform": "wecom", "says": ["hello"]}],
        "faults": dict.fromkeys(("openai", "deepseek", "google"), "hang"),
    }
    process = subprocess.Popen(
        command(tmp_path, "--json", config=None, play=play),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ(tmp_path),
    )
    try:
        wait_for(lambda: list((tmp_path / "tmp").glob("mindbot-rehearsal-*/mindbot.db")))
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait(PATIENCE)
    assert process.returncode == 128 + number, err
    assert "stopped before its end" in json.loads(out)["errors"]
    assert not list((tmp_path / "tmp").iterdir())


def test_its_time_is_bounded_and_what_is_open_then_is_unanswered(tmp_path: Path) -> None:
    play = {
        "conversations": [{"platform": "wecom", "says": ["hello", "again"]}],
        "faults": dict.fromkeys(("openai", "deepseek", "google"), "hang"),
    }
    ended = rehearse(tmp_path, "--json", "--timeout", "3", play=play)
    assert ended.returncode == 1
    assert [line["state"] for line in told(ended)["lines"]] == ["unanswered", "unanswered"]


@pytest.mark.parametrize("arguments", [("--fault", "openai"), ("--fault", "nobody=503"), ("--loud",)])
def test_a_command_line_that_makes_no_sense_is_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = rehearse(tmp_path, *arguments)
    assert ended.returncode == 2 and "Error" in ended.stderr


def test_a_bad_file_is_told_by_its_line_and_nothing_is_played(tmp_path: Path) -> None:
    ended = rehearse(tmp_path, play={"conversations": [{"says": []}]})
    assert ended.returncode == 1 and "play.yaml:1:" in ended.stderr and not ended.stdout
