"""A turn made again: what it takes over, what it does anew, and what it never does."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import anyio
import pytest
from replay_house import Toolbox, a_runtime, outcomes, replayed, said

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.errors import Conflict, Invalid, NotFound
from mindbot.domain.ports.platform import Webhook
from mindbot.domain.shapes.replays import ReplayOrder
from mindbot.runtime.app import Runtime
from mindbot.runtime.replay_plans import ReplayPlans
from mindbot.sim.testing import simulated
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


async def kept(runtime: Runtime, turn: str) -> Any:
    return await (await runtime.store.queries(runtime.dispatcher.live)).kept_turn(turn)


def same_turn(one: Any, other: Any) -> bool:
    return bool((one.to_json(), one.memo) == (other.to_json(), other.memo))


async def test_replays_side_by_side_share_nothing_with_each_other_or_their_originals(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        box = runtime.generation.runners["chat"] = Toolbox(runtime)
        before = [await said(runtime, f"question {n}", user=f"user{n}") for n in range(3)]
        prompts, box.prompts = box.prompts, []
        kept_before = [deepcopy(await kept(runtime, turn["id"])) for turn in before]
        found: dict[int, Any] = {}

        async def again(n: int) -> None:
            found[n] = await replayed(runtime, before[n]["id"], mode="then")

        async with anyio.create_task_group() as tasks:
            for n in range(3):
                tasks.start_soon(again, n)
        assert sorted(map(str, box.prompts)) == sorted(map(str, prompts))
        for n, turn in enumerate(before):
            made = await runtime.resources.turns.get_turn(found[n]["turn"])
            assert (made["text"], made["vars"], found[n]["of"]) == (turn["text"], turn["vars"], turn["id"])
            assert same_turn(await kept(runtime, turn["id"]), kept_before[n])
            assert (made["origin"], made["dry_run"], made["deliveries"]) == ("replay", True, [])
            assert made["session"] != turn["session"]


async def test_what_was_said_before_it_is_what_had_been_said_then(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        box = runtime.generation.runners["chat"] = Toolbox(runtime)
        _, middle, _ = [await said(runtime, text) for text in ("first", "second", "third")]
        await replayed(runtime, middle["id"])
        assert [line["content"] for line in box.prompts[-1] if line["role"] == "user"] == ["first", "second"]
        past = await runtime.store.history.last("console:default:lin", ids.new_id(), 9)
        assert [line.content for line in past if line.role == "user"] == ["first", "second", "third"]


async def test_as_then_has_the_words_and_the_route_of_then_as_now_those_of_today(tmp_path: Path) -> None:
    old = {"chat": {"system_prompt": "be short"}}
    async with a_runtime(tmp_path, **old) as runtime:
        turn = await said(runtime, "hello")

        async def bind(hooks: Sequence[Webhook]) -> None: ...

        await runtime.use(load(environ={}, overrides={"chat": {"system_prompt": "be long"}}), bind)
        told = {}
        for mode in ("then", "now"):
            found = await replayed(runtime, turn["id"], mode=mode)
            spans = await runtime.resources.turns.get_spans(found["turn"])
            (asked,) = [span["data"]["request"]["messages"] for span in spans if span["kind"] == "model"]
            told[mode] = asked[0]["content"]
            assert found["mode"] == mode
            assert found["original"]["config"].startswith("1/") and found["replay"]["config"].startswith("2/")
            assert found["original"]["config"][2:] != found["replay"]["config"][2:]
            expected = "recorded" if mode == "then" else "re-run"
            assert outcomes(found, "stage")["route"] == expected
        assert told == {"then": "be short", "now": "be long"}


async def test_a_recorded_replay_asks_nobody(tmp_path: Path) -> None:
    async with simulated("dify") as sim:
        app = {"dify_endpoint": sim.base_url, "dify_api_key": sim.settings.api_key, "max_retries": 0}
        async with a_runtime(tmp_path, workflows={"faq": app}) as runtime:
            turn = await said(runtime, "hello there")
            asked = len(sim.requests)
            found = await replayed(runtime, turn["id"], recorded=True)
            assert len(sim.requests) == asked > 0
            assert found["same"] and found["replay"]["reply"] == turn["reply"]
            assert outcomes(found, "stage")["run"] == "recorded"
            assert outcomes(found, "workflow") == {"faq": "recorded"}
            again = await replayed(runtime, turn["id"])
            assert len(sim.requests) > asked and outcomes(again, "workflow") == {"faq": "re-run"}
            # A replay has a record of its own.
            await replayed(runtime, found["turn"], recorded=True)


async def test_what_was_not_recorded_is_not_asked_for_either(tmp_path: Path) -> None:
    rules = [{"match": "hello", "error": "rejected"}]
    async with a_runtime(tmp_path, providers={"scripted": {"rules": rules}}) as runtime:
        turn = await said(runtime, "hello")
        assert turn["state"] == "failed"
        with pytest.raises(Conflict, match="nothing is recorded"):
            await replayed(runtime, turn["id"], recorded=True)


async def test_from_an_inner_step_the_earlier_ones_come_from_the_memo(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        box = runtime.generation.runners["chat"] = Toolbox(runtime)
        turn = await said(runtime, "hello")
        found = await replayed(runtime, turn["id"], from_stage="tool:3")
        assert box.used == {"tool:1": 1, "tool:2": 1, "tool:3": 2}
        assert found["replay"]["reply"] == "hello 1/1 2/1 3/2"
        assert outcomes(found, "tool") == {"tool:1": "recorded", "tool:2": "recorded", "tool:3": "re-run"}


@pytest.mark.parametrize(
    ("start", "used"), [("", 2), ("access", 2), ("session", 2), ("route", 2), ("run", 2), ("tool:1", 2)]
)
async def test_it_begins_at_any_stage_or_step(tmp_path: Path, start: str, used: int) -> None:
    async with a_runtime(tmp_path) as runtime:
        box = runtime.generation.runners["chat"] = Toolbox(runtime)
        turn = await said(runtime, "hello")
        found = await replayed(runtime, turn["id"], from_stage=start)
        assert found["from_stage"] == start and set(box.used.values()) == {used}
        with pytest.raises(Invalid, match="nowhere"):
            await replayed(runtime, turn["id"], from_stage="nowhere")


async def test_a_person_decides_anew_and_no_effect_is_repeated(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        answers = iter(["yes", "no"])
        box = runtime.generation.runners["chat"] = Toolbox(runtime, ask=lambda: next(answers), effect=True)
        turn = await said(runtime, "hello")
        assert turn["reply"] == "hello 1/1 2/1 3/1 yes"
        anew = await replayed(runtime, turn["id"])
        assert anew["replay"]["reply"] == "hello 1/2 2/2 3/1 no", (
            "asked again; the effect is the recorded one"
        )
        assert box.used["effect:3"] == 1
        reused = await replayed(runtime, turn["id"], reuse_approvals=True)
        assert reused["replay"]["reply"].endswith("3/1 yes")
        assert outcomes(reused, "step")["decision:send"] == "recorded"


async def test_an_effect_without_a_record_is_refused_in_a_dry_run_and_done_where_it_is_sent(
    tmp_path: Path,
) -> None:
    async with a_runtime(tmp_path) as runtime:
        turn = await said(runtime, "hello")
        box = runtime.generation.runners["chat"] = Toolbox(runtime, effect=True)
        dry = await replayed(runtime, turn["id"])
        assert dry["replay"]["state"] == "failed" and "effect:3" in dry["replay"]["reason"]
        assert "effect:3" not in box.used
        real = await replayed(runtime, turn["id"], send=True)
        assert (real["dry_run"], real["replay"]["state"], box.used["effect:3"]) == (False, "answered", 1)
        made = await runtime.resources.turns.get_turn(real["turn"])
        assert made["session"] == turn["session"] and len(made["deliveries"]) == 1


async def test_what_if_another_model_a_text_or_a_variable_were_there(tmp_path: Path) -> None:
    other = {"type": "scripted", "rules": [{"match": "", "reply": "by the other"}]}
    async with a_runtime(tmp_path, providers={"scripted": {}, "other": other}) as runtime:
        turn = await said(runtime, "hello")
        found = await replayed(runtime, turn["id"], model="other")
        assert (found["replay"]["reply"], found["replay"]["provider"]) == ("by the other", "other")
        assert not found["same"] and found["replay"]["tokens"] > 0
        box = runtime.generation.runners["chat"] = Toolbox(runtime)
        edits = {"message.text": "refund", "variables.tone": "kind"}
        found = await replayed(runtime, turn["id"], from_stage="run", edits=edits)
        assert found["replay"]["reply"] == "refund kind 1/1 2/1 3/1"
        assert "refund" in str(box.prompts[-1][-1]["content"])


async def test_what_makes_no_sense_is_told(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        turn = await said(runtime, "hello")
        for order in (
            {"edits": {"session": "x"}},
            {"edits": {"variables.user": "x"}},
            {"recorded": True, "send": True},
        ):
            with pytest.raises(Invalid):
                await replayed(runtime, turn["id"], **order)
        dry = await replayed(runtime, turn["id"])
        with pytest.raises(Conflict, match="reached nobody"):
            await replayed(runtime, dry["turn"], send=True)
        with pytest.raises(NotFound):
            await replayed(runtime, turn["id"], workflow="nobody")
        with pytest.raises(Conflict, match="no replay"):
            await runtime.resources.replays.compare(turn["id"])


async def test_one_that_a_crash_interrupted_goes_on_by_its_own_plan(tmp_path: Path) -> None:
    places = MemoryPlaces()
    async with a_runtime(tmp_path, places) as runtime:
        turn = await said(runtime, "hello")
        await runtime.drain(1)
        queries = await runtime.store.queries(runtime.dispatcher.live)
        plans, order = ReplayPlans(runtime.store.history, runtime.bots), ReplayOrder(recorded=True)
        message = await plans.message(await kept(runtime, turn["id"]), order, runtime.generation, queries)
        made = ids.show((await runtime.receive(message)).turn)
    async with a_runtime(tmp_path, places) as runtime:
        found = await runtime.resources.replays.wait_replay(made, PATIENCE)
        assert found["same"] and outcomes(found, "stage")["run"] == "recorded"
