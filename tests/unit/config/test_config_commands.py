"""`mindbot config` and `mindbot secret` as an operator uses them, without a daemon."""

from __future__ import annotations

import io
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mindbot.cli.main import main
from mindbot.config import machine, schema
from mindbot.config.load import load
from mindbot.config.parts import whole

STARTER = Path(schema.__file__).with_name("starter.yaml")
DATA = Path(__file__).parents[2] / "data" / "config"


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Mindbot = Callable[..., Ran]


@pytest.fixture
def mindbot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mindbot:
    """Run a command line in a home of its own."""
    for name in ("CREDENTIALS_DIRECTORY", "MINDBOT_CONFIG", "PYTHON_KEYRING_BACKEND", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("MINDBOT_SOCKET", str(tmp_path / "no.sock"))

    def run(*args: str | Path, stdin: str = "") -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        shown = capsys.readouterr()
        return Ran(int(ended.value.code or 0), shown.out, shown.err)

    return run


def a_config(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "m.yaml"
    file.write_text(text, encoding="utf-8")
    return file


# --- config


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http:\n  ca_file: /no/such.pem\n", ":2:3: http.ca_file: /no/such.pem: No such file"),
        ("http:\n  ca_file: /etc/hostname\n", ":2:3: http.ca_file: /etc/hostname: holds no certificate"),
        (f"api:\n  socket: {'/deep' * 30}\n", ":2:3: api.socket: /deep"),
        ("api:\n  viewers: [root, nobody-has-it]\n", ":2:13: api.viewers: no group is named nobody-has-it"),
        ("state_dir: /etc/passwd/state\n", ":1:1: state_dir: /etc/passwd is no folder"),
        ("store:\n  file: /etc\n", ":2:3: store.file: /etc is a folder"),
        ("store:\n  file: /etc/passwd/a.db\n", ":2:3: store.file: /etc/passwd is no folder"),
        (
            "http:\n  no_proxy: [a.example, 10.0.0.0/99]\n",
            "http.no_proxy holds '10.0.0.0/99', which is no net",
        ),
        (
            "providers:\n  scripted:\n    rules: [{match: x, error: busy}]\n",
            ": providers.scripted.rules[0].error should be the name of a vendor's error: auth_failed",
        ),
    ],
)
def test_check_names_what_cannot_be_used_here_with_its_line(
    mindbot: Mindbot, tmp_path: Path, text: str, says: str
) -> None:
    ran = mindbot("config", "check", a_config(tmp_path, text))
    assert ran.code == 1 and says in ran.out


@pytest.fixture
def nobody() -> Iterator[None]:
    """Be a user whom folders of mode 0700 keep out, where the tests are root's."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


def test_what_this_user_may_not_look_at_is_no_problem(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "state").mkdir(mode=0)
    file = a_config(tmp_path, f"state_dir: {tmp_path}/state\napi:\n  socket: in/api.sock\n")
    loaded = load([file])
    request.getfixturevalue("nobody")
    assert machine.unusable(loaded) == []


def test_what_cannot_be_looked_at_is_left_to_the_start(mindbot: Mindbot, tmp_path: Path) -> None:
    ran = mindbot("config", "check", a_config(tmp_path, f"store:\n  file: {'x' * 300}/{'y' * 300}\n"))
    assert ran.code == 0 and not ran.err


@pytest.mark.parametrize("sample", sorted(DATA.glob("*.yaml")), ids=lambda path: path.stem)
def test_check_accepts_each_sample(mindbot: Mindbot, sample: Path) -> None:
    ran = mindbot("config", "check", sample)
    assert ran.code == 0
    assert f"ok: {sample}" in ran.out


def test_check_accepts_all_samples_merged_and_tells_the_bad_escape(mindbot: Mindbot) -> None:
    ran = mindbot("config", "check", *sorted(DATA.glob("*.yaml")), "--json")
    assert ran.code == 0 and ran.json["ok"] and not ran.json["problems"]
    assert any("06-workflows.yaml:20:34" in warning for warning in ran.json["warnings"])


def test_check_without_any_file_checks_what_is_in_use(mindbot: Mindbot, tmp_path: Path) -> None:
    ran = mindbot("config", "check")
    assert (ran.code, ran.out) == (0, "ok: no file found, the built-in default\n")
    bad = a_config(tmp_path, "log: {levle: 1}")
    ran = mindbot("--config", bad, "config", "check")
    assert ran.code == 1
    assert f"error: {bad}:1:7: log.levle is no known key. Did you mean level?" in ran.out


def test_check_secrets_names_each_that_cannot_be_read(
    mindbot: Mindbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """\
wecom: {corpid: wwfake, secret: "keyring:is-there", token: "${IS_UNSET}", EncodingAESKey: "credential:no"}
providers:
  scripted: {}
  off: {type: openai, enabled: false, api_key: "keyring:never-asked", models: [m]}
"""
    file = a_config(tmp_path, text)
    monkeypatch.setenv("MINDBOT_SECRET_IS_THERE", "fake-value")
    assert mindbot("config", "check", file).code == 0
    ran = mindbot("config", "check", "--secrets", file, "--json")
    assert ran.code == 1
    token, key = ran.json["problems"]
    assert token.startswith(f"{file}:1:") and "wecom.token: ${IS_UNSET} is not set" in token
    assert "wecom.EncodingAESKey: no systemd credential named 'no'" in key


def test_check_strict_refuses_plain_secrets(mindbot: Mindbot, tmp_path: Path) -> None:
    file = a_config(tmp_path, "providers: {openai: {api_key: plain-secret-value}}")
    assert mindbot("config", "check", file).code == 0
    ran = mindbot("config", "check", "--strict", file, "--json")
    assert ran.code == 1 and not ran.json["ok"]
    assert "plain-secret-value" not in ran.out


def test_wrong_usage_exits_2(mindbot: Mindbot) -> None:
    assert mindbot("config", "check", "--nope").code == 2


def test_init_writes_a_private_starter_once(mindbot: Mindbot, tmp_path: Path) -> None:
    target = tmp_path / "xdg_config_home/mindbot/mindbot.yaml"
    assert mindbot("config", "init").code == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    again = mindbot("config", "init")
    assert again.code == 1 and "is there already" in again.err
    assert mindbot("config", "init", tmp_path / "sub" / "x.yaml", "--json").json == {
        "file": str(tmp_path / "sub" / "x.yaml")
    }
    assert mindbot("config", "check").out == f"ok: {target}\n"


def examples() -> list[str]:
    """Return the starter's commented examples: from a section's line to the end of the paragraph."""
    parts = STARTER.read_text(encoding="utf-8").split("\n\n")
    found = [part[m.start() :] for part in parts if (m := re.search(r"^# \w+:$", part, re.MULTILINE))]
    return [re.sub(r"^# ?", "", part, flags=re.MULTILINE) for part in found]


def test_the_starters_examples_load(tmp_path: Path) -> None:
    loaded = [load([a_config(tmp_path, text)], environ={}) for text in examples()]
    alone = "no enabled provider can answer"  # an example shows one section, not a whole file
    assert not [warning for one in loaded for warning in one.warnings if alone not in warning]
    assert len(loaded) >= 5
    for platform in whole().platforms:
        assert any(getattr(one.config, platform) for one in loaded), platform
    assert any(one.config.wecom and one.config.wecom[0].agent_id for one in loaded)
    assert any(one.config.limits.per_user for one in loaded)


def test_show_names_origins_and_hides_secrets(mindbot: Mindbot, tmp_path: Path) -> None:
    file = a_config(
        tmp_path,
        "providers:\n  vllm: {api_key: plain-secret-value}\n  openai: {api_key: '${KEY:-fallback-secret}'}\n"
        "dingtalk: {client_id: i, client_secret: 'keyring:ding'}\nlimits: {per_user: 20/m}\n",
    )
    ran = mindbot("--config", file, "config", "show")
    values, origins = ran.json["values"], ran.json["origins"]
    assert values["providers.vllm.api_key"] == "********"
    assert values["providers.openai.api_key"] == "${KEY:-********}"
    assert values["dingtalk[0].client_secret"] == "keyring:ding"
    assert values["limits.per_user"] == "20/m" and values["dispatcher.stale_after"] == 900
    assert origins["dingtalk[0].client_secret"] == f"{file}:4:26"
    assert origins["log.level"] == "default"
    assert "plain-secret" not in ran.out and "fallback-secret" not in ran.out
    part = mindbot("--config", file, "config", "show", "limits", "--changed").json
    assert part == {"values": {"limits.per_user": "20/m"}, "origins": {"limits.per_user": f"{file}:5:10"}}
    assert mindbot("--config", file, "config", "show", "nothing").code == 1


def test_diff_tells_what_changes(mindbot: Mindbot, tmp_path: Path) -> None:
    old = a_config(tmp_path, "log: {level: debug}\nproviders: {vllm: {api_key: 'secret-one'}}")
    new = tmp_path / "new.yaml"
    new.write_text("providers: {vllm: {api_key: 'secret-two', models: [m]}}")
    ran = mindbot("config", "diff", old, new)
    assert [json.loads(line) for line in ran.out.splitlines()] == [
        {"key": "providers.vllm.api_key", "old": "********", "new": "********"},
        {"key": "log.level", "old": "debug", "new": "info"},
        {"key": "providers.vllm.models[0].name", "old": None, "new": "m"},
    ]
    assert mindbot("config", "diff", old, old).out == ""


def test_schema_takes_what_the_loader_takes(mindbot: Mindbot) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    ran = mindbot("config", "schema")
    validator = jsonschema.Draft202012Validator(ran.json)
    for sample in sorted(DATA.glob("*.yaml")):
        text = sample.read_text().replace(r"c\+\+", "c")
        assert not [error.message for error in validator.iter_errors(yaml.safe_load(text))], sample.name
    good = {"wecom": [{"corpid": "c", "secret": "s", "token": "t", "EncodingAESKey": "k", "port": "${PORT}"}]}
    good |= {"dispatcher": {"stale_after": "15m"}, "limits": {"per_user": "20/m"}}
    assert validator.is_valid(good)
    for bad in ({"wecomm": {}}, {"log": {"level": "loud"}}, {"wecom": {}}, {"limits": {"per_user": 20}}):
        assert not validator.is_valid(bad)


def test_the_document_holds_the_models_tables() -> None:
    document = Path(__file__).parents[3] / "docs" / "configuration.md"
    assert schema.tables() in document.read_text(encoding="utf-8"), "run: make docs"


# --- secret


def test_a_secret_is_kept_found_and_deleted(mindbot: Mindbot, tmp_path: Path) -> None:
    ran = mindbot("secret", "set", "wecom-secret", stdin="planted-value\n")
    kept = (
        f'kept in {tmp_path / "xdg_state_home/mindbot"}; in the configuration write "keyring:wecom-secret"\n'
    )
    assert (ran.code, ran.out) == (0, kept)
    assert b"planted-value" not in (tmp_path / "xdg_state_home/mindbot/secrets.bin").read_bytes()
    assert mindbot("secret", "list").json == {"name": "wecom-secret"}
    hidden = mindbot("secret", "get", "wecom-secret")
    assert hidden.out == "********  from the secret file\n" and "planted-value" not in hidden.err
    assert mindbot("secret", "get", "wecom-secret", "--reveal").out == "planted-value\n"
    assert mindbot("secret", "get", "wecom-secret", "--reveal", "--json").json == {
        "name": "wecom-secret",
        "value": "planted-value",
        "from": "secret file",
    }
    assert mindbot("secret", "delete", "wecom-secret").code == 0
    assert mindbot("secret", "delete", "wecom-secret").code == 1


def test_a_key_in_pem_is_read_from_its_file(mindbot: Mindbot) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----"
    ran = mindbot("secret", "set", "coze-key", stdin=f"{key}\n")
    assert (ran.code, ran.err) == (0, "")
    assert mindbot("secret", "get", "coze-key", "--reveal", "--json").json["value"] == key


def test_a_secret_lands_in_the_configured_state_directory(mindbot: Mindbot, tmp_path: Path) -> None:
    file = a_config(tmp_path, f"state_dir: {tmp_path}/elsewhere")
    assert mindbot("--config", file, "secret", "set", "a", stdin="value").code == 0
    assert (tmp_path / "elsewhere" / "secrets.bin").exists()


@pytest.mark.parametrize("value", ["", "\n", "x" * 70_000])
def test_a_value_that_cannot_be_kept(mindbot: Mindbot, value: str) -> None:
    assert mindbot("secret", "set", "a", stdin=value).code == 1


def test_no_value_is_taken_from_the_command_line(mindbot: Mindbot) -> None:
    assert mindbot("secret", "set", "a", "value").code == 2
