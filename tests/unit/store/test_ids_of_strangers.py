"""Ids that platforms send may hold anything: two of them are two sessions, messages and kept values."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mindbot.domain.plain import marked, unmarked
from mindbot.domain.ports.store import Store
from mindbot.runtime.keep import BotKeep
from mindbot.store.sqlite import SqliteStore
from mindbot.testing.stores.memory.store import MemoryStore
from mindbot.testing.stores.memory.tables import Tables
from mindbot.testing.stores.rig import a_message, answered

CALM = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
#: What cuts texts, what UTF-8 has not, what stood in its place once, and what ids are made of.
ODD = st.text(st.sampled_from("\0\ud83d\ude00\ufffd\u241b0a:"), max_size=5)
HALF = re.compile("[\ud800-\udfff]")
#: The marks are no platform's.
IDS = ODD.filter(lambda id: unmarked(id) == id)


@asynccontextmanager
async def in_memory() -> AsyncIterator[Store]:
    store = MemoryStore(Tables())
    async with store.opened():
        yield store


@given(IDS, IDS)
@CALM
def test_a_marked_id_is_another_for_each_and_made_of_its_parts(one: str, other: str) -> None:
    assert (marked(one) == marked(other)) == (one == other)
    assert unmarked(marked(one)) == one
    assert marked(marked(one)) == marked(one)
    assert marked(f"wecom:{one}:{other}") == f"wecom:{marked(one)}:{marked(other)}"
    assert "\0" not in marked(one) and marked(one).encode().decode() == marked(one)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
@CALM
def test_what_every_store_holds_is_not_marked(id: str) -> None:
    assert marked(id) is id


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "memory"])
def test_of_ids_that_differ_none_becomes_another(kind: str, tmp_path: Path) -> None:
    opened = in_memory() if kind == "memory" else SqliteStore.open(tmp_path / "mindbot.db")
    examples = 0

    async def said(store: Store, ids: list[str]) -> None:
        batch = f"{examples}-"
        messages = [
            a_message(key=f"{batch}{id}", text=f"from {n}", user=f"{batch}{id}") for n, id in enumerate(ids)
        ]
        storable = [store.inbox.storable(store.inbox.storable(each)) for each in messages]
        turns = [turn for turn, again in await store.inbox.put_all(storable, []) if not again]
        assert len(turns) == len(ids)
        for turn in turns:
            await store.turns.finish(answered(turn, "yes"), [])
        for n, message in enumerate(storable):
            lines = await store.history.last(message.session, turns[-1].number + 1, 9)
            assert [line.content for line in lines] == [f"from {n}", "yes"]
            assert message.session == f"console:default:{message.sender}"
            if not HALF.search(ids[n]):  # JSON has NUL, and no halves of characters
                assert message.reply_to == {"to": messages[n].sender}, "the answer goes to whom it came from"

    async def kept(store: Store, ids: list[str]) -> None:
        async def nowhere(*_: Any) -> Any:
            raise AssertionError

        keep = BotKeep(store, nowhere, "console", f"bot{examples}")
        for n, id in enumerate(ids):
            await keep.put(f"of:{id}", {"n": n})
        assert await keep.items("of:") == {f"of:{id}": {"n": n} for n, id in enumerate(ids)}
        assert [await keep.get(f"of:{id}") for id in ids] == [{"n": n} for n in range(len(ids))]
        await keep.put(f"of:{ids[0]}", None)
        assert len(await keep.items("of:")) == len(ids) - 1

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(opened) as store:

        @given(st.lists(IDS, min_size=1, max_size=5, unique=True))
        @settings(CALM, max_examples=30)
        def check(ids: list[str]) -> None:
            nonlocal examples
            examples += 1
            portal.call(said, store, ids)
            portal.call(kept, store, ids)

        check()
