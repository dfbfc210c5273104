"""``mindbot route eval``: how often labelled texts go where they belong, and what is held of it in CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mindbot.cli.main import app
from mindbot.config.load import load
from mindbot.config.model import Config
from mindbot.domain.errors import Invalid
from mindbot.workflows.router.embedders import has_local
from mindbot.workflows.router.evaluation import evaluate, labelled, tally
from mindbot.workflows.router.examples import WELL_KNOWN, builtin
from mindbot.workflows.router.hashed import HashedIndex
from mindbot.workflows.router.texts import same

DATA = Path(__file__).parents[2] / "data"
SAMPLE, HELD = DATA / "config" / "06-workflows.yaml", DATA / "routes" / "held.jsonl"
KEYS = {f"DIFY_{k}_API_KEY": "app-no-key" for k in ("GENERAL", "CODE", "DOC", "DATA", "CREATIVE", "RESEARCH")}


def config(embedder: str) -> Config:
    return load([SAMPLE], environ=KEYS, overrides={"router": {"embedder": embedder}}).config


async def held(embedder: str) -> dict[str, Any]:
    asked = config(embedder)
    return dict((await evaluate(asked, labelled(HELD, asked))).to_json())


@pytest.mark.anyio
@pytest.mark.slow
async def test_the_half_that_was_held_out_goes_where_it_belongs() -> None:
    found = await held("hashed")
    assert found["mode"] == "hashed"
    assert found["accuracy"] >= 0.8
    assert found["false_accept_rate"] <= 0.1
    for spoken in ("zh", "en"):
        assert found["languages"][spoken]["accuracy"] >= 0.8
    alone = await held("none")
    assert alone["mode"] == "patterns"
    assert alone["accuracy"] < found["accuracy"]


@pytest.mark.anyio
@pytest.mark.slow
async def test_what_is_to_be_done_in_the_world_is_taken_for_no_text() -> None:
    asked = config("hashed")
    found = (await evaluate(asked, labelled(DATA / "routes" / "actions.jsonl", asked))).to_json()
    assert found["out_of_scope"] >= 150
    assert (found["false_accept_rate"] or 0) <= 0.1


@pytest.mark.anyio
@pytest.mark.full
@pytest.mark.skipif(not has_local(), reason="the extra local-embed is not installed")
async def test_a_local_model_is_right_more_often() -> None:
    found = await held("local")
    assert found["mode"] == "full"
    assert found["accuracy"] >= 0.9
    assert found["false_accept_rate"] <= 0.1


@pytest.mark.slow
def test_no_shipped_example_is_a_copy_of_a_labelled_text() -> None:
    texts = [json.loads(line)["text"] for half in ("tune", "held", "actions") for line in _lines(half)]
    shipped = [text for name in (*WELL_KNOWN, "none") for text in builtin(name)]
    assert len(shipped) > 1000
    index = HashedIndex(texts)
    alike = {text: max(index.similarities(text)) for text in shipped}
    assert [text for text, likeness in alike.items() if likeness > 0.9 and len(same(text)) > 8] == []


def _lines(half: str) -> list[str]:
    return (DATA / "routes" / f"{half}.jsonl").read_text("utf-8").splitlines()


def test_shares_are_of_lines_with_a_workflow_and_of_those_without() -> None:
    assert tally([]) == {
        "lines": 0,
        "accuracy": None,
        "out_of_scope": 0,
        "false_accepts": 0,
        "false_accept_rate": None,
        "overall": None,
    }


def test_each_bad_line_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text('{"text": "hi", "workflow": "nobody"}\n\nnot json\n{"workflow": null}\n')
    with pytest.raises(Invalid) as told:
        labelled(file, config("hashed"))
    lines = told.value.message.splitlines()
    assert [line.removeprefix(f"{file}:").split(":")[0] for line in lines] == ["1", "3", "4"]
    file.write_text("\n")
    with pytest.raises(Invalid, match="has no lines"):
        labelled(file, config("hashed"))


@pytest.mark.slow
def test_the_command_prints_figures_and_fails_where_they_are_too_low(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "set.jsonl"
    rows = [
        {"text": "写一首关于春天的诗", "workflow": "creative_writing"},
        {"text": "turn on the light", "workflow": None},
        {"text": "hello!", "workflow": "research"},
    ]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    asked = ["--config", str(SAMPLE), "route", "eval", str(file), "--embedder", "hashed"]
    done = CliRunner().invoke(app, [*asked, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["lines"], found["accuracy"], found["false_accepts"]) == (3, 0.5, 0)
    assert found["confusion"]["research"] == {"general_chat": 1}
    assert [(miss["line"], miss["got"]) for miss in found["misses"]] == [(3, "general_chat")]
    assert CliRunner().invoke(app, [*asked, "--min-accuracy", "0.8"]).exit_code == 1
