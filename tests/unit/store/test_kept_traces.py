"""Traces that are long keep their head, their failures and their end; of old ones stays what lists tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.domain import ids
from mindbot.domain.message import Message, text_part
from mindbot.domain.span import Span
from mindbot.domain.turn import Turn
from mindbot.store import traces
from mindbot.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio

MODEL = {"provider": "acme", "model": "m", "usage": {"input_tokens": 3, "output_tokens": 4}}


def steps(count: int, depth: int, bad: set[int]) -> list[Span]:
    """Return so many steps, each inside the one before until they are so deep."""
    return [
        Span(n, n - 1 if n % depth else 0, "tool", str(n), float(n), 0.5, "error" if n in bad else "ok")
        for n in range(1, count + 1)
    ]


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.sets(st.integers(1, 12_000), max_size=20))
def test_of_a_long_trace_the_head_failures_and_end_stay_with_what_they_are_in(
    depth: int, bad: set[int]
) -> None:
    spans = steps(12_000, depth, bad)
    kept = traces.capped(spans)
    [mark] = [span for span in kept if span.kind == traces.CUT]
    known = {span.id for span in kept}
    assert len(known) == len(kept) <= traces.MOST + 1
    assert bad <= known and {1, 12_000} <= known
    assert all(span.parent in known or not span.parent for span in kept)
    assert mark.data["left_out"] == len(spans) - len(kept) + 1


def test_a_trace_of_five_thousand_steps_is_kept_whole() -> None:
    spans = steps(5_000, 40, set())
    assert traces.capped(spans) is spans


async def ended(store: SqliteStore, key: str) -> Turn:
    """Store a turn that a model answered."""
    message = Message("ding", "default", key, "ding:default:lin", "lin", "text", (text_part(key),), {})
    turn, _ = await store.inbox.put(message)
    asked = {**MODEL, "request": {"messages": [{"role": "user", "content": "x" * 5_000}]}}
    turn.spans = [*steps(20, 5, {4}), Span(21, 20, "model", "acme", 21.0, 0.5, "ok", asked)]
    turn.state, turn.finished = "answered", 30.0
    turn.reply.say("yes")
    await store.turns.finish(turn, [])
    return turn


async def test_lists_tell_the_same_of_a_turn_whose_trace_is_gone(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        turns = [await ended(store, str(n)) for n in range(4)]
        queries = await store.queries(lambda session, number: None)
        before = await queries.list_turns(None, 10, "")
        assert before[0]["tokens"] == 7
        sizes = await store.weigh_traces(ids.LAST)
        assert [number for number, _ in sizes] == [turn.number for turn in reversed(turns)]
        last, seen = 0, 0
        while (found := await store.thin_traces(last, turns[3].number, limit=2)) is not None:
            last, seen = found, seen + 1
        assert (last, seen) == (turns[2].number, 2)
        assert await queries.list_turns(None, 10, "") == before
        old, new = await queries.get_turn(turns[0].id), await queries.get_turn(turns[3].id)
        assert [(span["kind"], span["name"]) for span in old["spans"]] == [
            ("cut", "the trace is not kept any more"),
            ("model", "acme"),
        ]
        assert old["spans"][0].get("data") == {"left_out": 20, "old": True}
        assert old["spans"][1].get("data") == MODEL and old["reply"] == "yes"
        assert len(new["spans"]) == 21
        light = dict(await store.weigh_traces(ids.LAST))
        assert light[turns[0].number] < 1_000 < light[turns[3].number]
        assert await store.thin_traces(0, turns[3].number) == turns[2].number
        assert (await queries.get_turn(turns[0].id))["spans"] == old["spans"], "once is enough"
