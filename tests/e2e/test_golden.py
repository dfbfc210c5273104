"""Conversations that happened are recorded, and played again without anybody: what drifted since is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mindbot.config import parts
from mindbot.config.load import Loaded
from mindbot.domain.message import Json
from mindbot.golden.file import read, write
from mindbot.golden.masking import Masker
from mindbot.golden.recording import recorded
from mindbot.golden.report import only_drifted, update
from mindbot.golden.testing import check
from mindbot.rehearsal.playing import Prompter, Scene
from mindbot.rehearsal.rehearsing import rehearse
from mindbot.rehearsal.scenario import ScenarioLine
from mindbot.rehearsal.stand_ins import StandIns
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.models.server import ModelSimulator
from mindbot.testing.commands import mindbot
from mindbot.testing.configs import PATTERNS
from mindbot.testing.waiting import PATIENCE

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

PHONE, MAIL = "13812345678", "mei.li@corp.example"
SECRET = {"secret": "keyring:nowhere", "token": "${NOT_SET}", "EncodingAESKey": "credential:nowhere"}
WORKFLOWS: dict[str, Any] = {
    name: {"dify_api_key": "keyring:nowhere", "task_patterns": [pattern], "priority": n, "max_retries": 0}
    for n, (name, pattern) in enumerate(PATTERNS.items(), 1)
    if name != "general_chat"
}
CONFIG: dict[str, Any] = {
    "router": {"embedder": "hashed"},
    "wecom": {"corpid": "ww1", **SECRET},
    "wecomcs": {"corpid": "ww3", **SECRET, "port": 2290},
    "dingtalk": {"client_id": "ding1", "client_secret": "keyring:nowhere"},
    "wecombot": {"mode": "connection", "bot_id": "aib1", "secret": "keyring:nowhere"},
    "providers": {"openai": {"api_key": "${NOT_SET_KEY}", "models": ["gpt-4"]}},
    "workflows": {
        **WORKFLOWS,
        "code_analysis": {**WORKFLOWS["code_analysis"], "fallback": ["creative_writing"]},
    },
    "routes": [
        {"name": "boss", "user": ["boss"], "workflow": "research"},
        {"name": "both", "text": "both", "workflows": ["research", "data_analysis"]},
        {"name": "chain", "text": "chain", "workflow": "research", "then": ["creative_writing"]},
        {"name": "chat", "text": "fail|hello|thanks|morning|number|send it|call me", "runner": "chat"},
    ],
    "chat": {"system_prompt": "You are a helper. Our hotline is 400-123-4567."},
    "session": {"history_turns": 3},
    "access": {"deny": ["stranger"]},
}
#: Who writes what, where: 25 messages in seven conversations.
SAID: list[tuple[str, str, str, list[str]]] = [
    (
        "wecom", "mei", "",
        ["hello, I am mei", f"my number is {PHONE}", "debug this python", "draw a chart", "thanks, mei"],
    ),
    ("dingtalk", "li", "", ["good morning", "a poem about rain", f"send it to {MAIL}", "thanks", "document"]),
    ("wecombot", "wang", "g1", ["hello", "which studies are there on sleep?", "the statistics as csv"]),
    ("wecom", "boss", "", ["a story, please", "a slogan, please", "hello"]),
    ("wecombot", "stranger", "", ["hello?"]),
    ("wecomcs", "wmGuest", "", ["hello, wmGuest here", "a slogan for tea"]),
    ("console", "ops", "", ["hello", "a chart of it"]),
    ("dingtalk", "chen", "", ["both of you", "a chain", "fail", "hello"]),
    ("wecom", "zhao", "", ["broken: python", "hello", f"call me: {PHONE}", "a poem"]),
]  # fmt: skip


def loaded(**changed: Any) -> Loaded:
    return Loaded(parts.read({**CONFIG, **changed}))


def conversations() -> list[Scene]:
    return [
        Scene(f"talk {n}", platform, "default", user, group, tuple(ScenarioLine(text=text) for text in said))
        for n, (platform, user, group, said) in enumerate(SAID, 1)
    ]


@pytest.fixture(scope="module")
def happened() -> list[Json]:
    """All that is known of 29 turns, in which a workflow and a model failed."""

    def prompting(cast: StandIns) -> Prompter:
        (model,) = (each for each in cast.named["openai"] if isinstance(each, ModelSimulator))
        said = f"Call {PHONE} or write to {MAIL}, mei."
        model.script(Scripted(text=said, match="number|call me", times=0))
        return lambda played: model.faults.set(("400",) if played.said.text == "fail" else ())

    faults = {"code_analysis": ("500",)}
    outcome = rehearse(loaded(), conversations(), faults, timeout=4 * PATIENCE, prompting=prompting)
    return sorted((dict(each.turn or {}) for each in outcome.played), key=lambda turn: turn["id"])


@pytest.fixture(scope="module")
def file(happened: list[Json], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("golden") / "golden.yaml"
    made = recorded(happened, Masker(b"k" * 32, keep=["boss", "stranger"]))
    assert made is not None
    write(path, made, new=True)
    return path


def test_a_recording_holds_what_counts_and_nothing_personal(file: Path) -> None:
    text = file.read_text()
    assert not any(
        word in text for word in (PHONE, MAIL, "mei", "zhao", "wang", "wmGuest", "ding1", "ww1", "400-123")
    )
    made = read(file)
    assert sorted(len(talk.turns) for talk in made.conversations) == [1, 2, 2, 3, 3, 4, 4, 5, 5]
    by_text = {turn.text.partition(":")[0]: turn for _, _, turn in made.turns()}
    broken = by_text["broken"]
    assert broken.expect.asked == ("code_analysis failed", "creative_writing")
    assert [(a.workflow, bool(a.failed)) for a in broken.answers] == [
        ("code_analysis", True),
        ("creative_writing", False),
    ]
    assert by_text["hello?"].expect.reason == "access" and not by_text["hello?"].answers
    both, chain = by_text["both of you"], by_text["a chain"]
    assert [(each.workflow, each.text) for each in both.answers] == [
        ("data_analysis", "data_analysis: both of you"),
        ("research", "research: both of you"),
    ]
    assert both.expect.reply == "research: both of you\n\ndata_analysis: both of you"
    assert [(each.workflow, each.text) for each in chain.answers] == [
        ("research", "research: a chain"),
        ("creative_writing", "creative_writing: research: a chain"),
    ]
    failed = by_text["fail"]
    assert failed.expect.state == "failed" and [bool(each.failed) for each in failed.answers] == [True]
    number = next(word for word in by_text["call me"].text.split() if word.isdigit())
    assert number in by_text["call me"].answers[0].text, "what is the same is masked alike"


def test_what_did_not_change_does_not_drift_with_the_network_off(file: Path, tmp_path: Path) -> None:
    """Neither ids nor times nor limits of time make a difference; nobody but this machine is called."""
    config = tmp_path / "mindbot.yaml"
    config.write_text(json.dumps({**CONFIG, "limits": {"per_user": "2/h"}}))
    config.chmod(0o600)
    ended = mindbot("--config", str(config), "test", str(file), "--json")
    told = json.loads(ended.stdout)
    assert (ended.returncode, told["ok"], told["turns"], told["not_as_it_was"]) == (0, True, 29, []), told
    assert told["errors"] == []


def test_what_changed_is_named_by_stage_and_field_and_may_be_taken_as_right(
    file: Path, tmp_path: Path
) -> None:
    workflows = {name: each for name, each in CONFIG["workflows"].items() if name != "document_processing"}
    boss, *rules = CONFIG["routes"]
    changed = loaded(
        chat={"system_prompt": "You are a pirate. Our hotline is 400-123-4567."},
        session={"history_turns": 1},
        workflows=workflows,
        routes=[{**boss, "workflow": "creative_writing"}, *rules],
        dingtalk={**CONFIG["dingtalk"], "name": "renamed"},
        access={"deny": []},
    )
    again = tmp_path / "golden.yaml"
    again.write_bytes(file.read_bytes())
    files = [(again, read(again))]
    outcome = check(changed, files, timeout=4 * PATIENCE)
    told: dict[str, list[str]] = {}
    for each in outcome.checks:
        told.setdefault(f"{each.talk.platform} {each.talk.user}", []).extend(
            f"{drift}; turn {each.n}" for drift in each.drifts
        )
    boss_was = [f"route: workflow research → creative_writing; turn {n}" for n in (1, 2, 3)]
    assert told["wecom boss"] == boss_was
    assert told["wecombot stranger"][0] == "end: state dropped (access) → answered; turn 1"
    prompts = [line for rows in told.values() for line in rows if line.startswith("compose: instructions")]
    assert len(prompts) == 8 and all("helper" in line and "pirate" in line for line in prompts)
    assert any(
        line.startswith("session: history 6 lines → 2 lines") for rows in told.values() for line in rows
    )
    gone = [each.failed for each in outcome.checks if each.failed]
    assert gone == ["no bot is called dingtalk/default any more"] * 9
    assert update(files, outcome) == [again] and not only_drifted(outcome)
    boss_now = next(talk for talk in read(again).conversations if talk.user == "boss")
    assert [turn.expect.route.workflow for turn in boss_now.turns] == ["creative_writing"] * 3
