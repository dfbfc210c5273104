"""Where configuration is found, how it merges, and what wins."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mindbot.config.load import Loaded, load
from mindbot.domain.errors import ConfigError

Load = Callable[..., Loaded]
Refuse = Callable[..., list[str]]


def test_nothing_anywhere_is_the_built_in_default(tmp_path: Path) -> None:
    loaded = load(environ={"HOME": str(tmp_path), "MINDBOT_CONFIG": ""})
    if loaded.files:
        pytest.skip("this machine has a system-wide configuration")
    assert [(b.platform, b.name) for b in loaded.config.bots()] == [("console", "default")]
    assert loaded.config.providers["scripted"].type == "scripted"
    assert not loaded.warnings


def test_a_file_brings_its_own_providers_or_none(load_text: Load) -> None:
    assert load_text("log: {level: debug}").config.providers == {}


def test_the_search_order(tmp_path: Path) -> None:
    user, named, given = (tmp_path / name for name in ("config/mindbot/mindbot.yaml", "n.yaml", "g.yaml"))
    user.parent.mkdir(parents=True)
    for file, level in ((user, "debug"), (named, "warning"), (given, "error")):
        file.write_text(f"log: {{level: {level}}}")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    assert load(environ=environ).config.log.level == "debug"
    environ["MINDBOT_CONFIG"] = ":"  # names none
    assert load(environ=environ).config.log.level == "debug"
    environ["MINDBOT_CONFIG"] = str(named)
    assert load(environ=environ).config.log.level == "warning"
    assert load([], environ=environ).config.log.level == "warning"
    assert load([given], environ=environ).config.log.level == "error"


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    missing = tmp_path / "no.yaml"
    for options in ({"paths": [missing]}, {"environ": {"MINDBOT_CONFIG": str(missing)}}):
        with pytest.raises(ConfigError) as caught:
            load(**{"environ": {}, **options})
        assert caught.value.problems == [
            f"{missing}: cannot be read: No such file or directory. Check the path and who may read it"
        ]


def test_files_merge_deeply_and_lists_replace(load_text: Load) -> None:
    loaded = load_text(
        "access: {allow: [a, b], deny: [c]}\nlog: {level: debug}",
        "access: {allow: [d]}\nlog: {format: json}",
    )
    assert loaded.config.access.allow == ("d",)
    assert loaded.config.access.deny == ("c",)
    assert (loaded.config.log.level, loaded.config.log.format) == ("debug", "json")


def test_two_spellings_of_a_key_are_one_key(load_text: Load, refuse: Refuse) -> None:
    texts = ("agent: {langchain: {primary_provider: a}}", "agent: {langchain: {provider: scripted}}")
    assert load_text(*texts).config.agent.langchain.primary_provider == "scripted"
    (problem,) = refuse("agent: {langchain: {primary_provider: a, provider: b}}")
    assert "there twice" in problem


def test_a_key_left_empty_means_its_default(load_text: Load) -> None:
    assert load_text("log:\n  level:\nwecom:\n").config.log.level == "info"


def test_environment_wins_over_files_and_flags_over_both(load_text: Load) -> None:
    text = "dispatcher: {max_running: 1, max_attempts: 1, drain_timeout: 1}"
    loaded = load_text(
        text,
        environ={"MINDBOT__DISPATCHER__MAX_RUNNING": "2", "MINDBOT__DISPATCHER__DRAIN_TIMEOUT": "2m"},
        overrides={"dispatcher": {"drain_timeout": "3s"}},
    )
    d = loaded.config.dispatcher
    assert (d.max_attempts, d.max_running, d.drain_timeout) == (1, 2, 3)
    assert loaded.origins["dispatcher.max_attempts"].endswith("a.yaml:1:30")
    assert loaded.origins["dispatcher.max_running"] == "$MINDBOT__DISPATCHER__MAX_RUNNING"
    assert loaded.origins["dispatcher.drain_timeout"] == "command line"


WECOM = "{corpid: c, secret: 'keyring:s', token: 'keyring:t', EncodingAESKey: 'keyring:k'}"


def test_the_environment_finds_odd_keys_bots_and_lists(load_text: Load) -> None:
    loaded = load_text(
        f"wecom: [{WECOM}, {WECOM[:-1]}, name: hr}}]\nproviders: {{my-gpt: {{type: scripted}}}}",
        environ={
            "MINDBOT__WECOM__HR__ENCODINGAESKEY": "key-from-the-environment",
            "MINDBOT__WECOM__0__PORT": "1234",
            "MINDBOT__PROVIDERS__MY_GPT__MODELS": "a, b",
            "MINDBOT__ACCESS__ALLOW": '["x,y", z]',
            "MINDBOT__AGENT__PROVIDERS__MY_GPT__TIMEOUT": "7",
        },
    )
    first, hr = loaded.config.wecom
    assert first.port == 1234
    assert hr.encoding_aes_key.get_secret_value() == "key-from-the-environment"
    assert [m.name for m in loaded.config.providers["my-gpt"].models] == ["a", "b"]
    assert loaded.config.providers["my-gpt"].timeout == 7
    assert loaded.config.access.allow == ("x,y", "z")
    assert not [w for w in loaded.warnings if "plain text" in w]


def test_a_wrong_variable_is_named(refuse: Refuse) -> None:
    problems = refuse(
        "",
        environ={"MINDBOT__LOG__LEVLE": "debug", "MINDBOT____X": "1", "MINDBOT__ACCESS__DENY": "[a"},
    )
    assert "$MINDBOT__LOG__LEVLE: log.levle is no known key. Did you mean level?" in problems
    assert any(p.startswith("$MINDBOT____X: an empty name") for p in problems)
    assert any(p.startswith("$MINDBOT__ACCESS__DENY: is no list") for p in problems)


def test_variables_fill_values_and_secrets_keep_their_references(load_text: Load) -> None:
    loaded = load_text(
        'providers: {openai: {api_key: "${KEY:-none}", base_url: "http://${HOST}:${PORT:-80}/v1"}}\n'
        'dispatcher: {max_running: "${MOST}"}',
        environ={"HOST": "model.test", "MOST": "5", "KEY": "sk-very-secret"},
    )
    openai = loaded.config.providers["openai"]
    assert openai.base_url == "http://model.test:80/v1"
    assert openai.api_key is not None and openai.api_key.get_secret_value() == "${KEY:-none}"
    assert loaded.config.dispatcher.max_running == 5


def test_plain_secrets_warn_and_strict_refuses_them(load_text: Load, refuse: Refuse) -> None:
    text = "providers:\n  openai:\n    api_key: sk-plain-text\n"
    (warning,) = load_text(text).warnings
    assert "a.yaml:3:14: providers.openai.api_key is a secret in plain text" in warning
    assert "mindbot secret set providers-openai-api-key" in warning
    assert "sk-plain-text" not in warning
    (problem,) = refuse(text, strict=True)
    assert "sk-plain-text" not in problem


@pytest.mark.parametrize("text", ["keyring:", "keyring:../../etc/passwd", "credential:a/b", "keyring:${X}"])
def test_a_reference_needs_a_usable_name(refuse: Refuse, text: str) -> None:
    (problem,) = refuse(f'providers: {{openai: {{api_key: "{text}"}}}}')
    assert "needs a name" in problem


def test_relative_state_paths(load_text: Load, tmp_path: Path) -> None:
    store = load_text("store: {file: sub/m.db}").config.store
    assert store.path(tmp_path) == tmp_path / "sub/m.db"
    assert load_text("store: {file: /var/m.db}").config.store.path(tmp_path) == Path("/var/m.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_named_not_skipped(tmp_path: Path) -> None:
    file = tmp_path / "mindbot" / "mindbot.yaml"
    file.parent.mkdir()
    file.write_text("log: {level: debug}")
    file.chmod(0)
    with pytest.raises(ConfigError) as caught:
        load(environ={"XDG_CONFIG_HOME": str(tmp_path)})
    assert "Permission denied" in caught.value.problems[0]
