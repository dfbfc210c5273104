"""What operators ask of the router, over the real runtime: why, corrections, another configuration."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain.errors import ConfigError, Invalid, Overloaded
from mindbot.runtime.app import Runtime
from mindbot.telemetry.redaction import redactor
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

ROUTES = [
    {"name": "ping", "text": "^ping$", "reply": "pong"},
    {"name": "models", "text": "^model", "runner": "chat"},
]
CODE = {"dify_api_key": "app-fake", "task_patterns": ["python"], "enabled": True}
WORKFLOWS = {"code": CODE, "data": {**CODE, "task_patterns": ["chart"]}}
NOBODY = {"platform": "console", "bot": "default", "user": "", "group": "", "departments": (), "session": ""}


@asynccontextmanager
async def a_router(folder: Path, **overrides: Any) -> AsyncIterator[Runtime]:
    usual = {"routes": ROUTES, "workflows": WORKFLOWS, "router": {"embedder": "hashed"}}
    loaded = load(environ={}, overrides={**usual, **overrides})
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(loaded, folder, store=MemoryPlaces().store) as runtime:
            yield runtime


async def said(runtime: Runtime, text: str) -> dict[str, Any]:
    turn = await runtime.resources.turns.inject(text=text, user="lin")
    return dict(await runtime.resources.turns.wait_turn(turn, PATIENCE))


@pytest.mark.slow
async def test_the_router_tells_its_rules_and_where_a_message_would_go(tmp_path: Path) -> None:
    async with a_router(tmp_path) as runtime:
        turn = await said(runtime, "ping")
        assert (turn["reply"], turn["rule"], turn["runner"]) == ("pong", "ping", "reply")
        routing = runtime.resources.routing
        state = await routing.state()
        assert [(each["name"], each["matched"]) for each in state["rules"]] == [("ping", 1), ("models", 0)]
        assert (state["state"], state["workflows"], state["decisions"]) == ("ok", ["code", "data"], 1)
        found = await routing.explain("python", **NOBODY)
        assert (found["workflow"], found["runner"]) == ("code", "workflow")
        assert found["rules"] == [
            "✗ ping: wants text =~ \"^ping$\"; the text is 'python'",
            "✗ models: wants text =~ \"^model\"; the text is 'python'",
        ]
        assert runtime.board.state("router") == "ok"
        assert (await routing.state())["decisions"] == 1


async def test_a_correction_counts_until_it_is_reverted(tmp_path: Path) -> None:
    async with a_router(tmp_path) as runtime:
        routing = runtime.resources.routing
        told = await routing.learn(
            "the door is locked", turn="", workflow="data", note="asked twice", by="wu"
        )
        assert (told["state"], told["origin"], told["by"]) == ("accepted", "operator", "wu")
        assert (await routing.classify("the door is locked"))["workflow"] == "data"
        assert (await routing.review(told["id"], "revert", by="lin"))["reviewed_by"] == "lin"
        assert (await routing.learned("", 9))[0]["by"] == "wu"
        assert (await routing.classify("the door is locked"))["workflow"] is None
        redactor.register("not-a-real-key-of-anybody")
        said = await routing.learn("is not-a-real-key-of-anybody mine?", turn="", workflow="data", note="")
        seen = await routing.review(said["id"], "revert")
        assert "not-a-real-key" not in f"{said['text']} {seen['text']}"
        with pytest.raises(Invalid, match="no workflow named 'dta'"):
            await routing.learn("x", turn="", workflow="dta", note="")


async def test_it_tells_which_examples_and_which_embedder_are_in_use(tmp_path: Path) -> None:
    workflows = {"research": {**CODE, "examples": ["who knows", "what for"]}, "data": CODE}
    async with a_router(tmp_path, workflows=workflows) as runtime:
        await runtime.resources.routing.learn("the moon", turn="", workflow="research", note="")
        row = await runtime.resources.workflows.workflow("research")
        assert (row["learned"], row["examples"] - row["shipped"]) == (1, 3)
        assert row["shipped"] > 200
        other = await runtime.resources.workflows.workflow("data")
        assert (other["examples"], other["shipped"], other["learned"]) == (0, 0, 0)
        state = await runtime.resources.routing.state()
        assert (state["embedder"], state["learned"]) == ("hashed", 1)
        assert state["examples"] > state["shipped"] > row["shipped"], "what is out of scope has examples too"


async def test_who_decides_is_counted(tmp_path: Path) -> None:
    gone = {"dify_endpoint": "http://127.0.0.1:9/v1/chat-messages", "max_retries": 0}
    workflows = {name: {**each, **gone} for name, each in WORKFLOWS.items()}
    async with a_router(tmp_path, workflows=workflows) as runtime:
        for text in ("ping", "ping", "python", "qwx vrt"):
            await said(runtime, text)
        text = runtime.resources.about.metrics().decode()
    counted = dict(re.findall(r'mindbot_router_decisions_total\{by="(\w+)"\} ([0-9.]+)', text))
    assert counted == {"rule": "2.0", "classifier": "1.0", "none": "1.0"}


async def test_what_a_user_dislikes_waits_for_a_verdict(tmp_path: Path) -> None:
    gone = {"dify_endpoint": "http://127.0.0.1:9/v1/chat-messages", "max_retries": 0}
    async with a_router(tmp_path, workflows={n: {**w, **gone} for n, w in WORKFLOWS.items()}) as runtime:
        by_rule, by_message = await said(runtime, "model, say hello"), await said(runtime, "python")
        for turn in (by_rule, by_message):
            assert turn["state"] == "answered"
            await runtime.later.told(turn["id"], {"feedback": "dislike", "content": "no code"})
        (waits,) = await runtime.resources.routing.learned("pending", 10)
        assert (waits["turn"], waits["text"], waits["was"]) == (by_message["id"], "python", "code")
        assert (waits["workflow"], waits["origin"], waits["note"]) == ("data", "feedback", "no code")
        await runtime.later.told(by_message["id"], {"feedback": "withdrawn"})
        assert not await runtime.resources.routing.learned("pending", 10)


async def test_another_configuration_is_compared_and_not_used(tmp_path: Path) -> None:
    async with a_router(tmp_path) as runtime:
        await said(runtime, "ping")
        await said(runtime, "model")
        routing = runtime.resources.routing
        moved = await routing.diff("routes: [{name: all, reply: closed}]", 100)
        assert [(each["text"], each["before"], each["after"]) for each in moved] == [
            ("model", "runner chat", "reply 'closed'"),
            ("ping", "reply 'pong'", "reply 'closed'"),
        ]
        assert moved[0]["why"] == "the rule all says so"
        with pytest.raises(ConfigError) as refused:
            await routing.diff("routes: [{tme: x}]", 100)
        assert (
            "the configuration that was given:1:11: routes[0].tme is no known key"
            in refused.value.problems[0]
        )
        assert (await said(runtime, "ping"))["reply"] == "pong"


async def test_what_a_replaced_configuration_still_meets_is_not_told_of_the_one_in_force(
    tmp_path: Path,
) -> None:
    async def nothing(webhooks: object) -> None: ...

    async with a_router(tmp_path) as runtime:
        old = runtime.generation
        (app,) = old.workflows.members["code"]
        old.workflows.fails(app, Overloaded("503"))
        assert runtime.board.state("workflow code") == "degraded"
        await runtime.use(load(environ={}, overrides={"workflows": WORKFLOWS}), nothing)
        old.workflows.fails(app, Overloaded("503"))
        assert runtime.board.state("workflow code") == ""
        runtime.generation.workflows.fails(app, Overloaded("503"))
        assert runtime.board.state("workflow code") == "degraded"


async def test_a_configuration_that_is_given_reads_nothing_of_the_daemons_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHERS_TOKEN", "not-for-operators")
    async with a_router(tmp_path) as runtime:
        await said(runtime, "ping")
        routing = runtime.resources.routing
        moved = await routing.diff('routes: [{reply: "${OTHERS_TOKEN}"}]', 100)
        assert moved[0]["after"] == "reply '${OTHERS_TOKEN}'"
        with pytest.raises(ConfigError) as refused:
            await routing.diff('workflows: {code: {dify_api_key: x, timeout: "${OTHERS_TOKEN}"}}', 100)
        assert "not-for-operators" not in str(refused.value.problems)
