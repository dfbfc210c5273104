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
from mindbot.rehearsal.scenario import Scenario, read
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
        ("faults:\n  opnai: 503", 2, "Did you mean openai?"),
        ("faults: {openai: [[1]]}", 1, "should be text"),
        ("- a list", 1, "should be a mapping"),
    ],
)
def test_a_bad_file_is_told_by_line_with_the_mend(tmp_path: Path, text: str, line: int, mend: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        read(file, config(workflows=WORKFLOWS))
    assert error.value.problems[0].startswith(f"{file}:{line}:") and mend in error.value.problems[0]


def test_without_a_file_each_workflow_and_rule_is_spoken_to() -> None:
    rules = [{"name": "night", "user": ["boss"], "workflow": "own"}, {"name": "any", "percent": 5}]
    found = {talk.name: talk for talk in samples.talks(config(workflows=WORKFLOWS, routes=rules))}
    assert [said.text for said in found["own"].says] == ["book a room", "free rooms"]
    assert [said.text for said in found["odd"].says] == ["red alert"]
    assert {said.meant for said in found["code_analysis"].says} == {"code_analysis"}
    assert found["rule night"].user == "boss"
    assert "off" not in found and "rule any" not in found


def test_every_platform_is_written_to_and_groups_only_where_there_are_some() -> None:
    played = scenes_of(samples.talks(config()), config())
    assert {(scene.platform, bool(scene.group)) for scene in played} == {
        ("dingtalk", False),
        ("dingtalk", True),
        ("wecom", False),
    }
    users = [scene.user for scene in played]
    assert len(set(users)) == len(users)


def test_without_platforms_the_console_is_spoken_to() -> None:
    alone = parts.read({"providers": {"scripted": {}}})
    assert {scene.platform for scene in scenes_of(samples.talks(alone), alone)} == {"console"}


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


def test_an_empty_file_plays_what_is_shipped(tmp_path: Path) -> None:
    assert read(written(tmp_path, ""), config()) == Scenario()
