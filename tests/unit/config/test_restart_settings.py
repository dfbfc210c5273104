"""Which settings wait for a restart is told by a mark on each, and by what the daemon started with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from mindbot.config import keys
from mindbot.config.load import load
from mindbot.config.model import Config
from mindbot.config.restart import needs_restart, waiting
from mindbot.config.schema import tables
from mindbot.runtime.app import Runtime


def config(**sections: Any) -> Config:
    return load([], environ={}, overrides=sections).config


def test_each_setting_is_named_by_itself() -> None:
    was = config()
    now = config(
        store={"file": "other.db"},
        dispatcher={"max_running": 3, "busy_notice": "soon"},
        log={"levels": {"mindbot.http": "debug"}},
        session={"history_turns": 2},
        wecom=[{"name": "a", "corpid": "ww1", "secret": "fake", "token": "t", "EncodingAESKey": "k" * 43}],
    )
    assert waiting(was, now) == ["store.file", "dispatcher.max_running", "log.levels"]
    assert waiting(was, was) == []


def test_no_mark_stands_where_it_is_not_looked_for() -> None:
    """Marks are compared in sections, not in lists or mappings of them: bots and models are made anew."""
    inside = {model for kind in (keys.strip(i.annotation) for i in Config.model_fields.values())
              for arg in get_args(kind) if (model := keys.section(arg)) is not None}  # fmt: skip
    assert inside
    assert not [info for model in inside for info in model.model_fields.values() if needs_restart(info)]


def marked(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for key, info in keys.fields(model).items():
        if needs_restart(info):
            yield above + key
        elif (inner := keys.section(info.annotation)) is not None:
            yield from marked(inner, f"{above}{key}.")


def test_the_tables_say_what_needs_a_restart() -> None:
    told = set()
    for title, body in re.findall(r"### `(.+?)`\n(.*?)(?=\n### |\Z)", tables(), re.DOTALL):
        above = "" if title == "top level" else f"{title}."
        told |= {above + key for key in re.findall(r"^\| `(.+?)` .*\| yes \|$", body, re.MULTILINE)}
    assert told == set(marked(Config)) and "store.file" in told and "dispatcher.busy_notice" not in told


@pytest.mark.anyio
async def test_a_reload_goes_on_naming_what_is_not_in_force(tmp_path: Path) -> None:
    async def bind(webhooks: object) -> None:
        """No bot is called back."""

    async with Runtime.open(load([], environ={}), tmp_path) as runtime:
        other = load([], environ={}, overrides={"delivery": {"timeout": "9s"}, "chat": {"model": "x"}})
        assert await runtime.use(other, bind) == ["delivery.timeout"]
        assert await runtime.use(other, bind) == ["delivery.timeout"], "a second reload applies it no more"
        assert runtime.resources.config.waiting(other) == ["delivery.timeout"]
        assert await runtime.use(load([], environ={}), bind) == []
