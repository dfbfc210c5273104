"""The last exchanges of a session are rolled back: no model is shown them, and apps begin anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from mindbot.config import parts
from mindbot.config.load import Loaded
from mindbot.domain.errors import Conflict, NotFound
from mindbot.domain.message import Json
from mindbot.runtime.app import Runtime
from mindbot.sim.catalog import create
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

SESSION = "console:default:mei"


@pytest.fixture
async def dify() -> AsyncIterator[Any]:
    async with create("dify", apps={"hr": {"key": "app-hr", "mode": "chat"}}) as running:
        yield running


@pytest.fixture
async def coze() -> AsyncIterator[Any]:
    async with create("coze", model="74") as running:
        yield running


@pytest.fixture
async def model() -> AsyncIterator[Any]:
    async with create("openai") as running:
        yield running


@pytest.fixture
async def runtime(dify: Any, coze: Any, model: Any, tmp_path: Path) -> AsyncIterator[Runtime]:
    hr = {"dify_endpoint": f"{dify.base_url}/chat-messages", "dify_api_key": "app-hr"}
    lunch = {"type": "coze", "base_url": coze.base_url, "api_key": coze.details()["api_key"], "bot_id": "74"}
    config = parts.read(
        {
            "providers": {
                "openai": {"api_key": "k", "base_url": model.base_url, "models": [model.common.model]}
            },
            "workflows": {"hr": hr, "lunch": lunch},
            "routes": [
                {"name": "hr", "text": "days off", "workflow": "hr"},
                {"name": "lunch", "text": "soup", "workflow": "lunch"},
                {"name": "chat", "runner": "chat"},
            ],
            "router": {"sticky": 0},
        }
    )
    async with Runtime.open(Loaded(config), tmp_path / "state") as running:
        yield running


async def say(runtime: Runtime, *texts: str) -> list[str]:
    found = []
    for text in texts:
        turn = await runtime.resources.turns.inject(text=text, user="mei")
        done = await runtime.resources.turns.wait_turn(turn, PATIENCE)
        assert done["state"] == "answered", done
        found.append(turn)
    return found


def shown(model: Any) -> list[str]:
    """Return what the model was shown last."""
    return [each.text for each in model.requests[-1].question.said]


async def roll_back(runtime: Runtime, exchanges: int = 1, *expected: str, dry_run: bool = False) -> Json:
    rollbacks = runtime.resources.rollbacks
    return dict(await rollbacks.roll_back(SESSION, exchanges, expected, dry_run=dry_run, by="ann"))


async def test_no_model_is_shown_what_was_rolled_back_until_it_is_restored(
    runtime: Runtime, model: Any
) -> None:
    turns = await say(runtime, "one", "two", "three")
    preview = await roll_back(runtime, 2, dry_run=True)
    assert [each["turn"] for each in preview["exchanges"]] == turns[1:] and preview["dry_run"]
    assert preview["exchanges"][0] | {"received": 0, "turn": ""} == {
        "turn": "", "user": "mei", "text": "two", "reply": "echo: two", "received": 0
    }  # fmt: skip
    assert len(shown(model)) == 5, "a look changes nothing"
    with structlog.testing.capture_logs() as lines:
        await roll_back(runtime, 2, *turns[1:])
    assert [line for line in lines if line["event"] == "rollback"] == [
        {"event": "rollback", "log_level": "info", "who": "ann", "session": SESSION, "turns": turns[1:]}
    ]
    await say(runtime, "four")
    assert shown(model) == ["one", "echo: one", "four"]
    again = await runtime.resources.rollbacks.restore(SESSION, by="ann")
    assert [each["turn"] for each in again["exchanges"]] == turns[1:]
    await say(runtime, "five")
    assert shown(model)[::2] == ["one", "two", "three", "four", "five"]
    assert (await runtime.resources.turns.get_turn(turns[1]))["reply"] == "echo: two", "the turns stay"


async def test_the_conversations_of_apps_begin_anew_and_are_gone_back_to(runtime: Runtime, dify: Any) -> None:
    def talks() -> list[str]:
        return [run.conversation for run in dify.desk.runs.values()]

    await say(runtime, "days off?", "soup, please", "and days off in May?")
    assert len(set(talks())) == 1
    found = await roll_back(runtime)
    assert [(each["workflow"], each["done"]) for each in found["conversations"]] == [
        ("hr", True),
        ("lunch", True),
    ]
    back = await runtime.resources.rollbacks.restore(SESSION, by="ann")
    assert all(each["done"] for each in back["conversations"]) and len(back["conversations"]) == 2
    await say(runtime, "days off, once more?")
    assert len(set(talks())) == 1, "it goes on with the one before"
    await roll_back(runtime)
    await say(runtime, "days off, anew?")
    assert len(set(talks())) == 2
    late = await runtime.resources.rollbacks.restore(SESSION, by="ann")
    assert {each["workflow"]: each["why"] for each in late["conversations"]} == {
        "hr": "another conversation was begun since",
        "lunch": "",
    }


async def test_what_cannot_be_rolled_back_says_why(runtime: Runtime) -> None:
    with pytest.raises(NotFound, match="no session"):
        await roll_back(runtime)
    (turn,) = await say(runtime, "one")
    with pytest.raises(Conflict, match="nothing was rolled back"):
        await runtime.resources.rollbacks.restore(SESSION, by="ann")
    await say(runtime, "two")
    with pytest.raises(Conflict, match="more was said since"):
        await roll_back(runtime, 1, turn)
    await roll_back(runtime, 9)
    with pytest.raises(Conflict, match="nothing is remembered"):
        await roll_back(runtime)
