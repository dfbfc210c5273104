"""A turn or a dead letter is called by so much of its id that no other begins like it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain import ids
from mindbot.domain.errors import Invalid, NotFound
from mindbot.domain.ports.store import Queries
from mindbot.runtime.resources.naming import letter_named, turn_named
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.stores.rig import a_delivery, a_message, answered, nothing_runs

pytestmark = pytest.mark.anyio


def begins(text: str, among: list[str]) -> str:
    """Return the shortest beginning of an id that no other of these has."""
    return next(text[:n] for n in range(4, 14) if sum(each.startswith(text[:n]) for each in among) == 1)


@given(st.integers(0, (1 << 63) - 1), st.integers(4, 13))
def test_an_id_lies_between_those_that_begin_like_it(number: int, length: int) -> None:
    shown = ids.show(number)
    low, high = ids.between(shown[:length].lower())
    assert low <= number <= high
    assert ids.show(low)[:length] == ids.show(high)[:length] == shown[:length]
    assert not low or ids.show(low - 1)[:length] != shown[:length]


@pytest.mark.parametrize("text", ["", "070", "nosuch", "070!", "Z" * 5])
def test_what_begins_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"sign|is in no id|range"):
        ids.between(text)


async def asked(tmp_path: Path, ask: Callable[[Queries, list[str]], object]) -> None:
    """Ask of a store with four turns; the second's delivery is dead, the last is dead itself."""
    store = MemoryPlaces().store(None, tmp_path, from_now=False, on_state=lambda *_: None)
    async with store.opened():
        turns = [(await store.inbox.put(a_message(f"m{n}")))[0] for n in range(4)]
        await store.turns.finish(answered(turns[1], "hi"), [a_delivery(turns[1], state="dead")])
        turns[3].state, turns[3].reason, turns[3].finished = "dead", "internal", 1.0
        await store.turns.finish(turns[3], [])
        await ask(await nothing_runs(store), [turn.id for turn in turns])  # type: ignore[misc]


async def test_a_beginning_names_a_turn(tmp_path: Path) -> None:
    async def ask(queries: Queries, known: list[str]) -> None:
        for each in known:
            short = begins(each, known)
            assert await turn_named(queries, short) == await turn_named(queries, f" {short.lower()} ") == each
        assert await turn_named(queries, "0" * 13) == "0" * 13, "what is whole stays as it is"
        with pytest.raises(Invalid, match="several turns") as several:
            await turn_named(queries, known[0][:4])
        assert re.findall(r"[0-9A-Z]{13}", several.value.hint) == known[::-1]
        for nobody in ("0000", "nosuch", "070", ""):
            with pytest.raises(NotFound, match=f"no turn '{nobody}'"):
                await turn_named(queries, nobody)

    await asked(tmp_path, ask)


async def test_a_beginning_names_a_dead_letter_first(tmp_path: Path) -> None:
    async def ask(queries: Queries, known: list[str]) -> None:
        letters = [f"{known[1]}-0", known[3]]
        for each in letters:
            short = begins(each, letters)
            assert await letter_named(queries, short) == each
        assert await letter_named(queries, f"{begins(known[1], known)}-0".lower()) == letters[0]
        assert await letter_named(queries, begins(known[0], known)) == known[0], "it may have failed"
        assert await letter_named(queries, letters[0].lower()) == letters[0]
        with pytest.raises(Invalid, match="several dead letters"):
            await letter_named(queries, known[0][:4])
        for nobody in ("0000", "nosuch", "070", "", "0000-0", "x" * 13, "Z" * 13):
            with pytest.raises(NotFound, match=f"no dead letter '{nobody}'"):
                await letter_named(queries, nobody)

    await asked(tmp_path, ask)
