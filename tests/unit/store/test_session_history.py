"""What the model is told of a conversation, when the bot spoke to the whole group of its own accord."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from mindbot.domain import origins
from mindbot.domain.chat import ChatMessage
from mindbot.domain.message import Message, text_part
from mindbot.domain.ports.store import Kept
from mindbot.domain.turn import Turn
from mindbot.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio

GROUP = "ding:default:team"


async def said(store: SqliteStore, key: str, text: str, session: str, *, kind: str = "text") -> Turn:
    """Store a message and its answer: a push says itself."""
    parts = (text_part(text),)
    turn, _ = await store.inbox.put(
        Message("ding", "default", key, session, "lin", kind, parts, {}, received=1.0)
    )
    turn.reply.say(text if kind == "push" else f"re {text}")
    turn.state = "answered"
    await store.turns.finish(turn, [])
    return turn


def heard(lines: list[ChatMessage]) -> list[str]:
    return [line.content for line in lines]


async def test_a_push_to_a_group_is_heard_in_each_session_at_its_place(tmp_path: Path) -> None:
    lin, mei = f"{GROUP}:lin", f"{GROUP}:mei"
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        await said(store, "1", "one", lin)
        await said(store, "2", "maintenance at six", GROUP, kind="push")
        last = await said(store, "3", "two", lin)
        expected = ["one", "re one", "maintenance at six", "two", "re two"]
        for _ in ("from disk", "from memory"):
            assert heard(await store.history.last(lin, last.number + 1, 10, GROUP)) == expected
        assert heard(await store.history.last(lin, last.number + 1, 2, GROUP)) == expected[2:]
        assert heard(await store.history.last(mei, last.number + 1, 10, GROUP)) == ["maintenance at six"]
        later = await said(store, "4", "all done", GROUP, kind="push")
        assert heard(await store.history.last(mei, later.number + 1, 10, GROUP))[-1] == "all done"
        assert heard(await store.history.last(mei, later.number, 10, GROUP)) == ["maintenance at six"], (
            "not yet"
        )
        assert heard(await store.history.last(lin, later.number + 1, 10)) == [
            "one",
            "re one",
            "two",
            "re two",
        ]


async def test_a_push_that_ends_while_the_group_is_read_is_kept_once(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "mindbot.db", interval=0.0) as store:
        for n in range(40):
            group, far = f"{GROUP}-{n}", (1 << 62)

            async def read(group: str = group, far: int = far, n: int = n) -> None:
                for _ in range(n % 10):
                    await anyio.lowlevel.checkpoint()
                await store.history.last(f"{group}:lin", far, 10, group)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                await said(store, f"p{n}", "hello all", group, kind="push")
            assert heard(await store.history.last(f"{group}:mei", far, 10, group)) == ["hello all"], n


async def test_a_cleared_session_has_no_history_also_after_a_restart_and_others_have_theirs(
    tmp_path: Path,
) -> None:
    lin, mei = f"{GROUP}:lin", f"{GROUP}:mei"
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        for n, session in enumerate((lin, mei, lin)):
            await said(store, f"{n}", f"secret {n}", session)
        await said(store, "3", "maintenance", GROUP, kind="push")
        assert len(await store.history.last(lin, 1 << 62, 10, GROUP)) == 5
        await store.history.clear(lin, "ding", "default")
        assert await store.history.last(lin, 1 << 62, 10, GROUP) == []
        await said(store, "4", "anew", lin)
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        assert heard(await store.history.last(lin, 1 << 62, 10, GROUP)) == ["anew", "re anew"]
        assert heard(await store.history.last(mei, 1 << 62, 10)) == ["secret 1", "re secret 1"]


async def test_memory_is_bounded_in_bytes_and_what_went_is_read_again(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        store.history._most = 100_000
        for n in range(30):
            session = f"ding:default:u{n}"
            for round in range(3):
                await store.history.last(session, 1 << 62, 10)
                await said(store, f"{n}-{round}", "w" * 1000, session)
        assert 50_000 < store.history.bytes <= 100_000
        assert len(await store.history.last("ding:default:u0", 1 << 62, 10)) == 6
        await said(store, "long", "w" * 50_000, "ding:default:u0")
        assert len(await store.history.last("ding:default:u0", 1 << 62, 10)) == 8, "read from disk each time"
        assert store.history.bytes <= 100_000 and "ding:default:u0" not in store.history._known


async def test_a_message_without_words_is_no_empty_line(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        await said(store, "1", " ", "ding:default:lin")
        assert heard(await store.history.last("ding:default:lin", 1 << 62, 10)) == ["[no words]", "re  "]


async def test_what_bots_kept_goes_when_its_time_is_over(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        await store.keep.write(
            [Kept("ding", "default", f"k{n}", {}, ends) for n, ends in enumerate((1.0, None, 9e9))]
        )
        assert await store.purge_kept() == 1
        assert len(await store.keep.items("ding", "default", "k", 10)) == 2


async def answered_together(store: SqliteStore, session: str, texts: list[str], **vars: str) -> Turn:
    """Store messages and the one answer that they have."""
    messages = [
        Message("ding", "default", text, session, "lin", "text", (text_part(text),), {}) for text in texts
    ]
    first, *others = [(await store.inbox.put(message))[0] for message in messages]
    first.together, first.vars = others, {"together": [other.id for other in others], **vars}
    first.state = "dropped" if "heard" in vars else "answered"
    if first.state == "answered":
        first.reply.say(f"re {len(texts)}")
    for other in others:
        other.state, other.vars = first.state, {"together": first.id}
    await store.turns.finish(first, [])
    return first


@pytest.mark.parametrize("remembered", [True, False])
async def test_all_that_was_answered_together_stands_before_the_common_answer(
    tmp_path: Path, remembered: bool
) -> None:
    lin, far = "ding:default:lin", 1 << 62
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        await said(store, "0", "hello", lin)
        if remembered:
            await store.history.last(lin, far, 10)
        await answered_together(store, lin, ["one", "two", " ", "three"])
        common = ["one\ntwo\nthree", "re 4"]
        assert heard(await store.history.last(lin, far, 10)) == ["hello", "re hello", *common]
        await said(store, "5", "five", lin)
        assert heard(await store.history.last(lin, far, 10)) == [
            "hello",
            "re hello",
            *common,
            "five",
            "re five",
        ]
        assert heard(await store.history.last(lin, far, 2)) == [*common, "five", "re five"], "one exchange"


async def test_what_was_asked_together_of_a_person_is_remembered_whole(tmp_path: Path) -> None:
    lin = "ding:default:lin"
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        first = await answered_together(store, lin, ["anna?", "are you there?"], heard="user")
        assert await store.history.last(lin, 1 << 62, 10) == [
            ChatMessage("user", "anna?\nare you there?", origin=origins.history(first.id))
        ]


async def test_a_cleared_session_stays_so_while_some_of_its_turns_are_left(tmp_path: Path) -> None:
    lin = f"{GROUP}:lin"
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        last = [await said(store, str(n), f"words {n}", lin) for n in range(6)][-1]
        await store.history.clear(lin, "ding", "default")
        await anyio.sleep(0.01)
        assert await store.purge(time.time() + 1, limit=2) == 2
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        assert await store.history.last(lin, last.number + 1, 10) == []
        while await store.purge(time.time() + 1, limit=2):
            pass
        left = await store._database.read(lambda db: db.execute("SELECT count(*) FROM sessions").fetchone())
        assert left == (0,), "what is known of a session goes with its last turn"
