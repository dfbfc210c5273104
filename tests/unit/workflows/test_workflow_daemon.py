"""Workflows inside the runtime, against the simulator: turns, rows, switches, runs by hand, shadows."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain.errors import Conflict, Invalid, NotFound
from mindbot.domain.host import TurnAnswer
from mindbot.domain.message import Message, text_part
from mindbot.runtime.app import Runtime
from mindbot.sim.dify.server import DifySimulator
from mindbot.sim.testing import simulated
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


def workflow(sim: DifySimulator, **more: Any) -> dict[str, Any]:
    return {"dify_endpoint": sim.base_url, "dify_api_key": sim.settings.api_key, "max_retries": 0} | more


@asynccontextmanager
async def a_runtime(folder: Path, **config: Any) -> AsyncIterator[Runtime]:
    with anyio.fail_after(PATIENCE):
        router = {"embedder": "hashed", **config.get("router", {})}
        loaded = load(environ={}, overrides={**config, "router": router})
        async with Runtime.open(loaded, folder) as runtime:
            yield runtime


async def asked(runtime: Runtime, text: str, user: str = "lin") -> TurnAnswer:
    """Say something as a user; return what came of it."""
    key, session = f"{user}-{text}", f"console:default:{user}"
    parts = (text_part(text),)
    message = Message("console", "default", key, session, user, "text", parts, {}, received=time.time())
    receipt = await runtime.receive(message)
    number = receipt.turn
    while not (found := await runtime.store.turns.answer(number)) or not found.done:
        await anyio.sleep(0.01)
    return found


async def test_a_message_is_answered_by_its_workflow_and_counted(tmp_path: Path) -> None:
    async with simulated("dify") as sim, a_runtime(tmp_path, workflows={"faq": workflow(sim)}) as runtime:
        found = await asked(runtime, "hello there")
        assert "hello there" in found.deliveries[0].text
        row = await runtime.resources.workflows.workflow("faq")
        assert (row["state"], row["runs_today"], row["success"]) == ("ok", 1, 1.0)
        assert row["tokens_today"] > 0
        assert runtime.board.state("providers") == ""  # none is needed
        (day,) = await runtime.resources.workflows.stats(1)
        assert (day["workflow"], day["runs"], day["failed"]) == ("faq", 1, 0)
        spent = await runtime.resources.providers.usage("workflow", 1)
        assert [(each["who"], each["calls"]) for each in spent] == [("faq", 1)]
        text = runtime.resources.about.metrics().decode()
        assert 'mindbot_workflow_seconds_count{outcome="answered",workflow="faq"} 1.0' in text
        assert 'mindbot_workflow_runs_now{state="running",workflow="faq"} 0.0' in text
    async with a_runtime(tmp_path, workflows={"faq": workflow(sim)}) as runtime:
        assert (await runtime.resources.workflows.stats(1))[0]["runs"] == 1


async def test_one_is_switched_off_and_stays_so(tmp_path: Path) -> None:
    async with simulated("dify") as sim:
        config = {"workflows": {"faq": workflow(sim), "general": workflow(sim), "no": {"enabled": False}}}
        async with a_runtime(tmp_path, **config) as runtime:
            resource = runtime.resources.workflows
            assert (await resource.switch("faq", on=False))["state"] == "off"
            with pytest.raises(Conflict, match="disables"):
                await resource.switch("no", on=True)
            with pytest.raises(NotFound, match="faq, general, no"):
                await resource.switch("nobody", on=True)
        async with a_runtime(tmp_path, **config) as runtime:
            resource = runtime.resources.workflows
            assert [row["state"] for row in await resource.workflows()] == ["off", "ok", "disabled"]
            assert (await resource.switch("faq", on=True))["state"] == "ok"


async def test_runs_by_hand_are_nobodys_conversation(tmp_path: Path) -> None:
    async with simulated("dify") as sim:
        config = {"workflows": {"faq": workflow(sim), "docs": workflow(sim), "no": {"enabled": False}}}
        async with a_runtime(tmp_path, **config) as runtime:
            resource = runtime.resources.workflows
            made = await resource.run("faq", "by hand", "", {})
            assert (made["status"], made["error"]) == ("succeeded", "")
            assert "by hand" in made["answer"]
            assert made["ids"]
            both = await resource.compare(["faq", "docs"], "side by side")
            assert [each["workflow"] for each in both] == ["faq", "docs"]
            assert [row["state"] for row in await resource.test("faq")] == ["ok", "ok"]
            with pytest.raises(Conflict):
                await resource.run("no", "hi", "", {})
            with pytest.raises(Invalid):
                await resource.compare(["faq"], "hi")
            assert (await resource.workflow("faq"))["runs_today"] == 0


async def test_a_shadow_answers_beside_and_is_never_said(tmp_path: Path) -> None:
    async with simulated("dify") as sim:
        workflows = {"faq": workflow(sim, shadow="docs"), "docs": workflow(sim, priority=200)}
        async with a_runtime(tmp_path, workflows=workflows, router={"default": "faq"}) as runtime:
            found = await asked(runtime, "hello there")
            assert len(found.deliveries) == 1
            shadows = runtime.builder.background.shadows
            while not (pairs := await shadows.pairs()):
                await anyio.sleep(0.01)
            (pair,) = pairs
            assert (pair["answered_by"], pair["shadow"]["workflow"]) == ("faq", "docs")
            assert "hello there" in pair["answer"] and "hello there" in pair["shadow"]["answer"]
            assert (await runtime.resources.workflows.workflow("docs"))["shadow_today"] == 1


async def test_what_users_think_reaches_the_vendor_and_the_sums(tmp_path: Path) -> None:
    async with simulated("dify") as sim, a_runtime(tmp_path, workflows={"faq": workflow(sim)}) as runtime:
        await asked(runtime, "hello there")
        (line,) = await runtime.resources.turns.list_turns()
        for verdict in ("dislike", "like"):
            await runtime.later.told(line["id"], {"feedback": verdict, "user": "lin"})
        sums = runtime.builder.workflows.stats.of("faq")
        while sums.likes == 0:
            await anyio.sleep(0.01)
        assert (sums.likes, sums.dislikes) == (1, 0)
        while len(rated := [each for each in sim.requests if "feedbacks" in each.path]) < 2:
            await anyio.sleep(0.01)
        assert [each.body["rating"] for each in rated] == ["dislike", "like"]
        assert (await runtime.resources.workflows.workflow("faq"))["satisfaction"] == 1.0


async def test_a_form_is_filled_in_from_chat_also_after_a_restart(tmp_path: Path) -> None:
    form = {"content": "May I?", "actions": [{"id": "yes", "title": "Yes"}, {"id": "no", "title": "No"}]}
    nodes = [{"title": "Boss", "type": "human-input", "form": form}, {"title": "LLM"}]
    async with simulated("dify") as sim:
        sim.desk.apps.define("asks", {"mode": "advanced-chat", "nodes": nodes, "answer": "decided: {form}"})
        entry = workflow(sim, type="chatflow", dify_api_key="app-asks")
        async with a_runtime(tmp_path, workflows={"asks": entry}) as runtime:
            offered = (await asked(runtime, "I want to go home")).deliveries[0].text
            assert "May I?" in offered and "Yes" in offered
        async with a_runtime(tmp_path, workflows={"asks": entry}) as runtime:
            assert "decided" in (await asked(runtime, "1")).deliveries[0].text
            assert (await runtime.resources.workflows.workflow("asks"))["state"] == "ok"
        assert sum(each.path.endswith("chat-messages") for each in sim.requests) == 1


async def test_an_open_breaker_is_open_after_a_restart_and_closed_by_an_operator(tmp_path: Path) -> None:
    async with simulated("dify", fault="500@chat-messages") as sim, simulated("dify") as well:
        config = {
            "workflows": {"faq": workflow(sim), "general": workflow(well)},
            "routes": [{"text": "^faq", "workflow": "faq"}],
        }
        async with a_runtime(tmp_path, **config) as runtime:
            for n in range(4):
                assert (await asked(runtime, f"faq {n}")).deliveries[0].text.endswith(f"faq {n}")
            assert sim.counters["fault.500"] == 2
        async with a_runtime(tmp_path, **config) as runtime:
            await asked(runtime, "faq again")
            assert sim.counters["fault.500"] == 2
            row = await runtime.resources.workflows.workflow("faq")
            assert (row["state"], row["replicas"][0]["state"]) == ("open", "open")
            assert (await runtime.resources.workflows.switch("faq", on=True))["state"] == "ok"
            await asked(runtime, "faq once more")
            assert sim.counters["fault.500"] == 3
