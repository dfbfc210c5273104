"""Files of conversations: what they mean, and what is said of bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mindbot.config import parts
from mindbot.config.model import Config
from mindbot.domain.errors import ConfigError
from mindbot.rehearsal import samples
from mindbot.rehearsal.playing import allowed_user, scenes_of
from mindbot.rehearsal.scenario import read
from mindbot.rehearsal.stand_ins import FAKE, without_secrets


def config(**sections: Any) -> Config:
    return parts.read(
        {
            "dingtalk": {"client_id": "ding", "client_secret": "keyring:x"},
            "wecom": {"corpid": "ww", "secret": "${S}", "token": "t", "EncodingAESKey": "k"},
            "providers": {"openai": {"api_key": "keyring:y", "models": ["gpt"]}},
            **sections,
        }
    )


WORKFLOWS = {
    "code_analysis": {"dify_api_key": "keyring:a", "task_patterns": ["code|bug"]},
    "own": {"dify_api_key": "keyring:b", "examples": ["book a room", "free rooms", "third"]},
    "odd": {"dify_api_key": "keyring:c", "task_patterns": ["red alert|x", "^(a|b)$"]},
    "off": {"enabled": False, "examples": ["never"]},
}


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "conversations.yaml"
    file.write_text(text)
    return file


def test_a_file_says_who_writes_what_and_what_is_expected(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
conversations:
  - {name: first, platform: wecom, user: mei, says: [hello]}
  - says:
      - {text: "a bug", expect: {workflow: code_analysis, reply: "bug$"}}
      - {text: "nothing", expect: {workflow: null}}
faults: {code_analysis: 504, openai: [429, slow:1s]}
""",
    )
    found = read(file, config(workflows=WORKFLOWS))
    first, second = found.conversations
    assert (first.platform, first.user, first.says[0].text) == ("wecom", "mei", "hello")
    assert second.says[0].expect.workflow == "code_analysis"
    assert first.says[0].expect.workflow == "" and second.says[1].expect.workflow is None
    assert found.faults == {"code_analysis": ("504",), "openai": ("429", "slow:1s")}


@pytest.mark.parametrize(
    ("text", "line", "mend"),
    [
        ("conversations:\n  - says: []", 2, "says is empty"),
        ("conversation: []", 1, "Did you mean conversations?"),
        ("conversations:\n  - platform: wecm\n    says: [x]", 2, "Did you mean wecom?"),
        ("conversations:\n  - bot: sales\n    says: [x]", 2, "There are: default"),
        (
            "conversations:\n  - says:\n      - {text: x, expect: {workflow: codeanalysis}}",
            3,
            "Did you mean code_analysis?",
        ),
        ("conversations:\n  - says:\n      - {text: x, expect: {reply: '('}}", 3, "no regular expression"),
        ("conversations:\n  - says:\n      - {text: x, expect: {rule: night}}", 3, "There is none"),
        ("conversations: [{says: [x]}]\nfaults:\n  opnai: 503", 3, "Did you mean openai?"),
        ("conversations: [{says: [x]}]\nfaults: {openai: [[1]]}", 2, "should be text"),
        ("- a list", 1, "should be a mapping of sections. Begin with e.g. `conversations:`"),
        ("", 1, "conversations is missing"),
        ("faults: {openai: 503}", 1, "conversations is missing"),
        ("conversations: []", 1, "conversations is empty"),
        (
            "conversations:\n  - {says: [x]}\n  - {group: g, platform: wecom, says: [x]}",
            3,
            "Leave out `group`",
        ),
    ],
)
def test_a_bad_file_is_told_by_line_with_the_mend(tmp_path: Path, text: str, line: int, mend: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        read(file, config(workflows=WORKFLOWS))
    place = f"{file}:{line}:"
    assert any(told.startswith(place) and mend in told for told in error.value.problems)


def test_without_a_file_each_workflow_and_rule_is_spoken_to() -> None:
    rules = [{"name": "night", "user": ["boss"], "workflow": "own"}, {"name": "any", "percent": 5}]
    found = {
        talk.name: talk for talk in samples.scenario(config(workflows=WORKFLOWS, routes=rules)).conversations
    }
    assert [said.text for said in found["own"].says] == ["book a room", "free rooms"]
    assert [said.text for said in found["odd"].says] == ["red alert"]
    assert {said.meant for said in found["code_analysis"].says} == {"code_analysis"}
    assert found["rule night"].user == "boss"
    assert "off" not in found and "rule any" not in found


def test_every_platform_is_written_to_and_groups_only_where_there_are_some() -> None:
    played = scenes_of(samples.scenario(config()).conversations, config())
    assert {(scene.platform, bool(scene.group)) for scene in played} == {
        ("dingtalk", False),
        ("dingtalk", True),
        ("wecom", False),
    }
    users = [scene.user for scene in played]
    assert len(set(users)) == len(users)


def test_without_platforms_the_console_is_spoken_to() -> None:
    alone = parts.read({"providers": {"scripted": {}}})
    assert {scene.platform for scene in scenes_of(samples.scenario(alone).conversations, alone)} == {
        "console"
    }


def test_users_are_some_that_may_write() -> None:
    assert allowed_user(config(access={"allow": ["sales-*"]}), "r1") == "sales-r1"
    assert allowed_user(config(), "r1") == "r1"


def test_no_secret_stays_and_no_reference_either() -> None:
    made = without_secrets(config(workflows=WORKFLOWS))
    assert made.workflows["own"].dify_api_key is not None
    assert made.workflows["own"].dify_api_key.get_secret_value() == FAKE
    assert made.bots_of("wecom")[0].secret.get_secret_value() == FAKE  # type: ignore[attr-defined]
    key = made.providers["openai"].api_key
    assert key is not None and key.get_secret_value() == FAKE


def test_a_group_that_no_bot_has_is_told_and_the_console_has_none(tmp_path: Path) -> None:
    file = written(tmp_path, "conversations:\n  - {group: g, says: [{text: x, expect: {workflow: null}}]}")
    alone = parts.read({"providers": {"scripted": {}}})
    with pytest.raises(ConfigError) as error:
        read(file, alone)
    assert error.value.problems[0].startswith(f"{file}:2:") and "in a group" in error.value.problems[0]
    assert [
        (scene.platform, scene.group) for scene in scenes_of(read(file, config()).conversations, config())
    ] == [("dingtalk", "g")]


def test_what_is_wrong_inside_a_list_is_all_that_is_told_of_it(tmp_path: Path) -> None:
    file = written(tmp_path, "conversations:\n  - says:\n      - {text: x, expct: {}}")
    with pytest.raises(ConfigError) as error:
        read(file, config())
    (only,) = error.value.problems
    assert only.startswith(f"{file}:3:") and "Did you mean expect?" in only


def test_a_file_that_is_no_yaml_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the conversations cannot be read"):
        read(written(tmp_path, "conversations: ["), config())
