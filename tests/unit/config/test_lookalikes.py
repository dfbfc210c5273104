"""Characters that only look like others are named at their own place, with what to do about each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mindbot.config.load import load
from mindbot.domain.errors import ConfigError

GOOD = """\
wecom:
  corpid: wwfake0001
  agent_id: 7
  secret: fake-secret
  token: faketoken
  EncodingAESKey: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeee
providers:
  scripted: {}
"""


def problems(folder: Path, text: str) -> str:
    file = folder / "m.yaml"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load([file], environ={})
    return "\n".join(caught.value.problems).replace(str(file), "m")


def warnings(folder: Path, text: str, mode: int = 0o600) -> list[str]:
    file = folder / "m.yaml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return [w.replace(str(file), "m") for w in load([file], environ={}).warnings]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "agent_id: ",
            "agent_id：",
            "m:3:11: after the key stands U+FF1A (full-width colon). Type",
        ),
        ("  agent", "\u3000 agent", "m:3:1: the line begins with U+3000 (ideographic space). Type a plain"),
        (
            "  agent",
            " \u00a0agent",
            "m:3:2: the line begins with U+00A0 (no-break space). Type",
        ),
        ("  agent", "\tagent", "m:3:1: the line begins with U+0009 (tab). Type a plain blank"),
        ("  agent", "\u200b  agent", "m:3:1: the line begins with U+200B (zero width space). Delete it"),
        ("  scripted: {}", "  scripted：{}", "m:8:11: 'scripted' is no key: after it stands U+FF1A"),
        (
            "agent_id",
            "agent＿id",
            "m:3:8: the key 'agent＿id' holds U+FF3F (full-width low line)",
        ),
    ],
)
def test_what_makes_a_file_unreadable_is_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert told in problems(tmp_path, GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("fake-secret", "“fake-secret”", "m:4:11: wecom.secret holds U+201C (left double quotation mark)"),
        ("faketoken", "fake\u200btoken", "m:5:14: wecom.token holds U+200B (zero width space). Delete it"),
        ("faketoken", "'faketoken '", "m:5:20: wecom.token begins or ends with U+0020 (blank). Delete it"),
        ("wwfake0001", "wwfake0001\u3000", "m:2:21: wecom.corpid holds U+3000 (ideographic space)"),
        ("wwfake0001", "wwfake０001", "m:2:17: wecom.corpid holds U+FF10 (full-width digit zero)"),
    ],
)
def test_what_no_eye_sees_in_a_credential_is_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    found = warnings(tmp_path, GOOD.replace(old, new, 1))
    assert [w for w in found if w.startswith(told)], found


def test_words_may_hold_any_character(tmp_path: Path) -> None:
    prompt = "chat:\n  system_prompt: |\n    Role：助手\u3000“好”\n  "
    before = warnings(tmp_path, GOOD)
    assert warnings(tmp_path, GOOD + prompt) == before


@pytest.mark.parametrize(("mode", "who"), [(0o644, "everybody"), (0o604, "everybody"), (0o640, "its group")])
def test_a_file_with_plain_secrets_that_others_may_read_is_named(tmp_path: Path, mode: int, who: str) -> None:
    found = warnings(tmp_path, GOOD, mode)
    told = [w for w in found if "in plain text and is open to" in w]
    if mode == 0o640 and os.geteuid() == 0:  # root's, for a service's group
        assert not told
    else:
        assert len(told) == 1 and who in told[0] and f"{mode:04o}" in told[0] and "chmod 600" in told[0]
    assert not [w for w in warnings(tmp_path, GOOD, 0o600) if "is open to" in w]
    hidden = GOOD.replace("fake-secret", "keyring:a").replace("faketoken", "keyring:b")
    hidden = hidden.replace("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeee", "keyring:c")
    assert not [w for w in warnings(tmp_path, hidden, 0o644) if "is open to" in w]
