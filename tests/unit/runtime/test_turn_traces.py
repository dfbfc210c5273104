"""What is told of traces: the requests of a turn, the origins of its prompt, how two turns differ."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.config.load import load
from mindbot.domain.message import Json
from mindbot.domain.plain import dumps
from mindbot.domain.shapes.traces import PromptPartJson
from mindbot.runtime.app import Runtime
from mindbot.runtime.traces.diff import prompt_diff, text_diff
from mindbot.sim.testing import simulated
from mindbot.testing.waiting import PATIENCE

LINES = st.lists(st.text(alphabet="ab\n", max_size=6), max_size=6).map("\n".join)


@pytest.fixture
async def vendor() -> AsyncIterator[Any]:
    async with simulated("openai") as far:
        yield far


@pytest.fixture
async def runtime(vendor: Any, tmp_path: Path) -> AsyncIterator[Runtime]:
    entry: Json = {"type": "openai", "base_url": vendor.base_url, "api_key": "k-0123456789", "models": ["m"]}
    config = load(
        [], environ={}, overrides={"providers": {"acme": entry}, "chat": {"system_prompt": "Be kind."}}
    )
    async with Runtime.open(config, tmp_path) as found:
        yield found


async def ask(runtime: Runtime, text: str) -> str:
    """Return the turn that answered a text, in one session."""
    turns = runtime.resources.turns
    with anyio.fail_after(PATIENCE):
        turn = await turns.inject(text=text, session="s1")
        assert (await turns.wait_turn(turn, PATIENCE))["state"] == "answered"
    return turn


@pytest.mark.anyio
async def test_a_request_is_told_as_it_left_with_the_origins_of_its_prompt(
    runtime: Runtime, vendor: Any
) -> None:
    before = await ask(runtime, "hello 你好")
    turn = await ask(runtime, "and again")
    found = await runtime.resources.traces.requests(turn)
    [request] = found["requests"]
    assert (request["n"], request["kind"], request["provider"], request["model"]) == (1, "model", "acme", "m")
    assert request["body"] is not None and request["size"] == len(dumps(request["body"]))
    assert [line["role"] for line in request["body"]["messages"]] == ["system", "user", "assistant", "user"]
    parts = request["prompt"]
    assert [(part["role"], part["origin"], part["turn"]) for part in parts] == [
        ("system", "instructions", ""),
        ("user", "history", before),
        ("assistant", "history", before),
        ("user", "message", ""),
    ]
    assert "".join(part["text"] for part in parts) == "".join(
        line["content"] for line in request["body"]["messages"]
    )
    assert request["input_tokens"] is not None
    assert request["estimated_tokens"] == sum(part["tokens"] for part in parts) > 0


@pytest.mark.anyio
async def test_two_turns_differ_in_what_is_told_and_the_cache_breaks_where_the_prompts_part(
    runtime: Runtime,
) -> None:
    first, second = await ask(runtime, "one"), await ask(runtime, "two")
    found = await runtime.resources.traces.diff(first, second)
    assert (found["a"], found["b"], found["same"]) == (first, second, False)
    assert [(line["mark"], line["text"]) for line in found["message"]["lines"]] == [
        ("-", "one"),
        ("+", "two"),
    ]
    parts: list[Json] = [{**each, "said": each["b"] or each["a"]} for each in found["prompt"]["parts"]]
    marks = [(each["mark"], each["said"]["origin"]) for each in parts]
    assert marks == [("=", "instructions"), ("=", "history"), ("+", "history"), ("+", "message")]
    breaks = found["prompt"]["breaks"]
    assert breaks is not None and (breaks["part"], breaks["characters"]) == (2, len("Be kind.one"))
    assert all(step["mark"] == "=" for step in found["steps"]) and found["steps"]
    assert {fact["name"] for fact in found["cost"]} >= {"input_tokens", "output_tokens"}
    assert {"took_ms", "model_ms"} <= {fact["name"] for fact in found["times"]}
    itself = await runtime.resources.traces.diff(second, second)
    assert itself["same"] and itself["prompt"]["breaks"] is None


@given(LINES, LINES)
def test_the_lines_of_a_difference_are_those_of_both_texts(a: str, b: str) -> None:
    found = text_diff(a, b)
    assert found["same"] is (a == b)
    if not found["same"]:
        for text, marks in ((a, "=-"), (b, "=+")):
            assert [each["text"] for each in found["lines"] if each["mark"] in marks] == text.splitlines()


def part(text: str, origin: str = "message", role: str = "user") -> PromptPartJson:
    return {"line": 1, "role": role, "kind": "text", "origin": origin, "turn": "", "text": text, "tokens": 1}


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=6))
def test_the_parts_of_a_difference_are_those_of_both_prompts(a: list[str], b: list[str]) -> None:
    found = prompt_diff([*map(part, a)], [*map(part, b)])
    for texts, side in ((a, "a"), (b, "b")):
        assert [each[side]["text"] for each in found["parts"] if each[side]] == texts  # type: ignore[literal-required]
    assert found["same"] is (a == b) is (found["breaks"] is None)
    if found["breaks"]:
        same = [x for x, y in zip(a, b, strict=False) if x == y]
        assert found["breaks"]["characters"] <= len(same)


def test_a_part_that_is_another_in_its_place_breaks_the_cache_in_its_middle() -> None:
    rules = part("Be kind. Be short.", "instructions", "system")
    found = prompt_diff([rules, part("hi")], [{**rules, "text": "Be kind. Be long."}, part("hi")])
    assert [each["mark"] for each in found["parts"]] == ["~", "="]
    assert found["breaks"] is not None and found["breaks"]["characters"] == len("Be kind. Be ")
