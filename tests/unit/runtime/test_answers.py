"""What a platform may do with an answer while it is made, over the real runtime."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.abilities import Silence
from mindbot.domain.bot import Bot
from mindbot.domain.chat import Chunk
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import Overloaded, Rejected, StoreError
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports.platform import Receipt, Receive, Report
from mindbot.domain.turn import Turn
from mindbot.runtime.app import MakeStore, Runtime
from mindbot.store import sqlite
from mindbot.telemetry.redaction import MASK, redactor
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

MEMORY = MemoryPlaces().store


class Cards:
    """A bot that shows answers growing, can be taken over by people, and answers what queued up at once."""

    name, bot, idempotent, pace = "cards", "default", True, 0.0

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.sent: list[Delivery] = []
        self.streams = True
        self.fails: Exception | None = None
        self.silent: Silence | None = None
        self.asked = 0
        self.refusals: list[Exception] = []
        self.saw = anyio.Event()

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return [[part] for part in parts]

    def address(self, user: str) -> Json:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        self.sent.append(replace(delivery, notes=replace(delivery.notes)))
        return Sent()

    def can_stream(self, message: Message) -> bool:
        return self.streams

    async def stream(self, delivery: Delivery, text: str) -> None:
        if self.fails is not None:
            raise self.fails
        self.shown.append(text)
        self.saw.set()

    async def silence(self, message: Message) -> Silence | None:
        self.asked += 1
        if self.refusals:
            raise self.refusals.pop()
        return self.silent

    def merge(self, messages: Sequence[Message]) -> Message:
        text = "\n".join(f"{n}. {m.text}" for n, m in enumerate(messages, 1))
        return replace(messages[0], parts=(text_part(text),))


class Scarce(Cards):
    """A bot that may say ``few`` messages, and can hand a session to people."""

    def __init__(self, few: int | None) -> None:
        super().__init__()
        self.streams, self.few = False, few

    async def left(self, address: Json, waiting: Collection[str] = ()) -> int | None:
        return None if self.few is None else self.few - len(waiting)

    def plan_within(self, parts: Sequence[Part], most: int) -> list[list[Part]]:
        said = [part for part in parts if part.kind != "transfer"]
        rest = [[part] for part in parts if part.kind == "transfer"]
        planned = [*([part] for part in said[: most - 1]), said[most - 1 :], *rest]
        return [parts for parts in planned if parts]

    async def transfer(self, address: Json, to: str) -> Json:
        return {}


class Gives:
    """A runner that answers and asks for a person."""

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        turn.hand_over("anna", say="Anna comes.", why="the model asked for it")
        yield Chunk("one moment", finish="stop")


class Slow:
    """A runner that goes on when it is told to."""

    def __init__(self) -> None:
        self.go = anyio.Event()
        self.calls: list[str] = []
        self.histories: list[list[Json]] = []

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        self.calls.append(turn.message.text)
        self.histories.append([{"role": m.role, "content": m.content} for m in turn.history])
        yield Chunk("one ")
        await self.go.wait()
        yield Chunk("two", finish="stop")


def a_message(key: str = "m1", text: str = "hello", kind: str = "text") -> Message:
    now = time.time()
    return Message(
        "cards", "default", key, "cards:default:lin", "lin", kind, (text_part(text),), {}, received=now
    )


@asynccontextmanager
async def a_runtime(
    folder: Path, cards: Cards, runner: Any = None, store: MakeStore = MEMORY
) -> AsyncIterator[Runtime]:
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), folder, store=store) as runtime:
            if runner is not None:
                runtime.generation.runners["chat"] = runner
            runtime.outbox.serve(Bot.of(cards))
            yield runtime


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await anyio.sleep(0.01)


async def ended(runtime: Runtime, receipt: Receipt) -> Json:
    return await runtime.resources.turns.wait_sent(ids.show(receipt.turn), 10)


class Thinking(Slow):
    """What it said first turns out to be thinking."""

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        while not self.go.is_set():
            yield Chunk("a plan ")
            await anyio.sleep(0.01)
        yield Chunk("yes", afresh=True)
        yield Chunk(" sir", finish="stop")


async def test_who_watches_is_told_where_the_answer_begins(tmp_path: Path) -> None:
    cards, runner = Cards(), Thinking()
    cards.streams = False
    async with a_runtime(tmp_path, cards, runner) as runtime:
        turn = ids.show((await runtime.receive(a_message())).turn)
        lines: list[Json] = []
        async with (
            aclosing(runtime.resources.turns.watch_turn(turn)) as watched,
            anyio.create_task_group() as tasks,
        ):

            async def watch() -> None:
                async for line in watched:
                    lines.append(line)  # noqa: PERF401 - read while it grows

            tasks.start_soon(watch)
            await until(lambda: bool(lines))
            runner.go.set()
        *chunks, done = lines
        begins = next(n for n, line in enumerate(chunks) if line.get("afresh"))
        assert "".join(line["text"] for line in chunks[begins:]) == "yes sir"
        assert done["turn"]["reply"] == "yes sir"


async def test_an_answer_is_shown_while_it_grows_and_ends_with_the_whole_text(tmp_path: Path) -> None:
    cards, runner = Cards(), Slow()
    async with a_runtime(tmp_path, cards, runner) as runtime:
        receipt = await runtime.receive(a_message())
        await cards.saw.wait()
        row = await runtime.store.outbox.delivery(receipt.turn, 0)
        assert row is not None and (row.kind, row.state) == ("stream", "open"), "on disk before it is shown"
        runner.go.set()
        assert (await ended(runtime, receipt))["state"] == "answered"
        assert cards.shown[0] == "one "
        (last,) = cards.sent
        assert (last.kind, last.text, last.notes.interrupted) == ("stream", "one two", None)
        row = await runtime.store.outbox.delivery(receipt.turn, 0)
        assert row is not None and (row.state, row.text) == ("sent", "one two")


async def test_a_show_that_fails_costs_nothing_but_the_show(tmp_path: Path) -> None:
    for fails in (Rejected("no such card"), ValueError("a mistake of the adapter")):
        cards, runner = Cards(), Slow()
        cards.fails = fails
        runner.go.set()
        async with a_runtime(tmp_path / type(fails).__name__, cards, runner) as runtime:
            assert (await ended(runtime, await runtime.receive(a_message())))["state"] == "answered"
            (last,) = cards.sent
            assert last.text == "one two" and str(fails) in (last.notes.stream_error or "")


async def test_a_failing_model_still_ends_what_is_on_show(tmp_path: Path) -> None:
    class Fails:
        async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
            yield Chunk("half")
            await cards.saw.wait()
            raise Overloaded("the model fell over")

    cards = Cards()
    async with a_runtime(tmp_path, cards, Fails()) as runtime:
        done = await ended(runtime, await runtime.receive(a_message()))
        assert (done["state"], "fell over" in done["reason"]) == ("failed", True)
        assert [d.text for d in cards.sent] == [runtime.loaded.config.dispatcher.failure_notice]


async def test_a_running_answer_can_be_stopped(tmp_path: Path) -> None:
    cards, runner = Cards(), Slow()
    async with a_runtime(tmp_path, cards, runner) as runtime:
        receipt = await runtime.receive(a_message())
        await cards.saw.wait()
        assert await runtime.bridge.stop_turn(ids.show(receipt.turn))
        done = await ended(runtime, receipt)
        assert (done["state"], done["vars"]["finish"]) == ("answered", "stopped")
        assert [d.text for d in cards.sent] == ["one "]
        assert not await runtime.bridge.stop_turn(ids.show(receipt.turn))


async def test_an_answer_on_show_that_was_stopped_without_a_word_ends_with_that(
    tmp_path: Path,
) -> None:
    class Thinks:
        async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
            assert await runtime.bridge.stop_turn(turn.id)
            await anyio.sleep_forever()
            yield Chunk()

    cards = Cards()
    async with a_runtime(tmp_path, cards, Thinks()) as runtime:
        done = await ended(runtime, await runtime.receive(a_message()))
        assert (done["state"], done["reason"]) == ("dropped", "stopped before the first word")
        assert [d.text for d in cards.sent] == [runtime.loaded.config.dispatcher.stop_notice]


async def test_what_was_on_show_in_a_crash_is_marked_interrupted_and_answered_once(tmp_path: Path) -> None:
    cards, runner = Cards(), Slow()
    async with a_runtime(tmp_path, cards, runner, sqlite.configured) as runtime:
        receipt = await runtime.receive(a_message())
        await cards.saw.wait()  # and here the process ends
    assert not cards.sent
    cards.shown.clear()
    runner.go.set()
    loaded = load(environ={})
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(loaded, tmp_path) as runtime:
            runtime.outbox.serve(Bot.of(cards))
            await ended(runtime, receipt)
            (last,) = cards.sent
            assert (last.kind, last.notes.interrupted) == ("stream", True)
            assert last.text == "echo: hello" and not cards.shown


async def test_nothing_is_shown_before_an_earlier_answer_has_left(tmp_path: Path) -> None:
    cards, runner = Cards(), Slow()
    runner.go.set()
    held = anyio.Event()
    send = cards.send

    async def late(delivery: Delivery) -> Sent:
        await held.wait()
        return await send(delivery)

    cards.send = late  # type: ignore[method-assign]
    async with a_runtime(tmp_path, cards, runner) as runtime:
        await runtime.resources.turns.wait_turn(ids.show((await runtime.receive(a_message("a"))).turn), 10)
        cards.shown.clear()
        second = await runtime.receive(a_message("b"))
        await runtime.resources.turns.wait_turn(ids.show(second.turn), 10)
        assert not cards.shown
        held.set()
        await ended(runtime, second)
        assert [d.kind for d in cards.sent] == ["stream", "message"]


@pytest.mark.full
async def test_a_person_at_the_desk_keeps_the_bot_silent_and_a_short_failure_is_asked_again(
    tmp_path: Path,
) -> None:
    cards, runner = Cards(), Slow()
    cards.silent, cards.refusals = Silence("served by zhang"), [Overloaded("busy") for _ in range(3)]
    async with a_runtime(tmp_path, cards, runner) as runtime:
        done = await ended(runtime, await runtime.receive(a_message()))
        assert (done["state"], done["reason"]) == ("dropped", "access: served by zhang")
        assert cards.asked == 4 and not runner.calls and not cards.sent


async def test_messages_that_queued_up_are_answered_together_and_named(tmp_path: Path) -> None:
    cards, runner = Cards(), Slow()
    cards.streams = False
    async with a_runtime(tmp_path, cards, runner) as runtime:
        first = await runtime.receive(a_message("a", "first"))
        rest = [await runtime.receive(a_message(key, f"question {key}")) for key in "bcd"]
        runner.go.set()
        assert (await ended(runtime, first))["state"] == "answered"
        done = [await ended(runtime, receipt) for receipt in rest]
        assert [turn["state"] for turn in done] == ["answered"] * 3
        assert runner.calls == ["first", "1. question b\n2. question c\n3. question d"]
        assert [d.text for d in cards.sent] == [
            "one two",
            "「question b」\n「question c」\n「question d」\n\none two",
        ]
        assert done[1]["reason"] == f"together with {done[0]['id']}"
        assert runtime.dispatcher.queued == 0
        again = await ended(runtime, await runtime.receive(a_message("e", "next")))
        assert again["state"] == "answered" and len(cards.sent) == 3


async def test_what_was_answered_together_is_no_question_in_the_next_prompt(tmp_path: Path) -> None:
    cards, runner = Cards(), Slow()
    cards.streams = False
    async with a_runtime(tmp_path, cards, runner) as runtime:
        for key in "abc":
            await runtime.receive(a_message(key, f"question {key}"))
        runner.go.set()
        await until(lambda: len(cards.sent) == 2)
        await ended(runtime, await runtime.receive(a_message("d", "next")))
        lines = runner.histories[-1]
        assert [(line["role"], line["content"]) for line in lines] == [
            ("user", "question a"),
            ("assistant", "one two"),
            ("user", "question b\nquestion c"),
            ("assistant", "one two"),
        ]


async def test_what_the_bot_says_of_its_own_accord_is_no_question_that_waits(tmp_path: Path) -> None:
    cards, runner = Cards(), Slow()
    cards.streams = False
    async with a_runtime(tmp_path, cards, runner) as runtime:
        await runtime.receive(a_message("a", "first"))
        await runtime.receive(a_message("p", "we close at six", "push"))
        rest = [await runtime.receive(a_message(key, f"question {key}")) for key in "bc"]
        await runtime.receive(a_message("q", "good night", "push"))
        runner.go.set()
        for receipt in rest:
            await ended(runtime, receipt)
        await until(lambda: len(cards.sent) == 4)
        assert runner.calls == ["first", "1. question b\n2. question c"]
        assert [d.text.rpartition("\n")[2] for d in cards.sent] == [
            "one two",
            "we close at six",
            "one two",
            "good night",
        ]


async def test_a_bot_keeps_values_and_takes_a_page_in_one_transaction(tmp_path: Path) -> None:
    cards = Cards()
    cards.streams = False
    async with a_runtime(tmp_path, cards, store=sqlite.configured) as runtime:
        keep, other = runtime.host("cards", "default").keep, runtime.host("cards", "other").keep
        await keep.put("cursor:b", {"at": 1})
        await keep.put("cursor:a", {"at": 2})
        await keep.put("short", {"x": 1}, ttl=-1)
        assert await keep.get("short") is None and await other.get("cursor:a") is None
        assert list(await keep.items("cursor:")) == ["cursor:a", "cursor:b"]
        page = [a_message("p1"), a_message("p2"), a_message("p1")]
        receipts = await keep.receive(page, {"cursor:a": {"at": 3}})
        assert [r.duplicate for r in receipts] == [False, False, True]
        assert await keep.turn_of("p2") == ids.show(receipts[1].turn) and not await other.turn_of("p2")
        await keep.receive([], {"gone": {"x": 1}, "stays": {"x": 2}}, ttl={"gone": -1.0})
        assert await keep.get("gone") is None and await keep.get("stays") == {"x": 2}
        assert receipts[2].turn == receipts[0].turn and await keep.get("cursor:a") == {"at": 3}
        await keep.put("cursor:a", None)
        assert await keep.get("cursor:a") is None
        with pytest.raises(StoreError):
            await keep.receive([a_message("p3")], {"cursor:a": {"at": object()}})
        assert await keep.get("cursor:a") is None, "neither the cursor nor the message"
        assert not (await keep.receive([a_message("p3")], {}))[0].duplicate


async def test_what_a_platform_says_later_is_kept_with_its_turn(tmp_path: Path) -> None:
    cards, runner = Cards(), Slow()
    runner.go.set()
    async with a_runtime(tmp_path, cards, runner) as runtime:
        done = await ended(runtime, await runtime.receive(a_message()))
        await runtime.later.told(done["id"], {"feedback": "like"})
        await runtime.later.told(f"{done['id']}-0", {"failed": "blocked by the customer"})
        await runtime.later.told(done["id"], {"feedback": "like"})  # again: it is there already
        await runtime.later.told("nonsense", {"x": 1})
        found = await runtime.resources.turns.get_turn(done["id"])
        assert found["notes"] == [{"feedback": "like"}]
        assert found["deliveries"][0]["notes"]["failed"] == "blocked by the customer"


@pytest.mark.parametrize(("few", "sent"), [(None, 1), (3, 3), (2, 2), (0, 1)])
async def test_a_reply_is_planned_within_what_may_still_be_said(
    tmp_path: Path, few: int | None, sent: int
) -> None:
    bot = Scarce(few)
    bot.silent = Silence("a rule", tuple(text_part(str(n)) for n in range(3)))
    bot.plan = lambda parts: [list(parts)]  # type: ignore[method-assign]
    async with a_runtime(tmp_path, bot) as runtime:
        done = await ended(runtime, await runtime.receive(a_message()))
        assert len(done["deliveries"]) == sent
        assert "".join(d.text for d in bot.sent).replace("\n", "") == "012"


async def test_what_is_still_on_its_way_counts_as_said(tmp_path: Path) -> None:
    bot = Scarce(4)
    bot.silent = Silence("a rule", tuple(text_part(str(n)) for n in range(4)))
    async with a_runtime(tmp_path, bot) as runtime:
        hold = Delivery(1, 0, "cards", "default", "cards:default:lin", {}, [text_part("earlier")])
        hold.next_at = time.time() + 60
        runtime.outbox.submit([hold])
        found = await runtime.resources.turns.wait_turn(
            ids.show((await runtime.receive(a_message())).turn), 10
        )
        assert len((await runtime.resources.turns.get_turn(found["id"]))["deliveries"]) == 3


async def test_a_runner_hands_a_session_over_behind_its_answer(tmp_path: Path) -> None:
    bot = Scarce(5)
    async with a_runtime(tmp_path / "people", bot, Gives()) as runtime:
        done = await ended(runtime, await runtime.receive(a_message()))
        assert done["vars"]["transfer"]["why"] == "the model asked for it"
        assert [(d.parts[0].kind, d.text) for d in bot.sent] == [
            ("text", "one moment"),
            ("transfer", "Anna comes."),
        ]
        assert bot.sent[1].parts[0].data == {"to": "anna"}
    alone = Cards()
    alone.streams = False
    async with a_runtime(tmp_path / "nobody", alone, Gives()) as runtime:
        await ended(runtime, await runtime.receive(a_message()))
        assert [(d.parts[0].kind, d.text) for d in alone.sent] == [
            ("text", "one moment"),
            ("text", "Anna comes."),
        ]


async def test_a_key_that_a_model_repeats_is_shown_to_nobody_not_even_in_pieces(tmp_path: Path) -> None:
    key = "key-that-a-model-repeats-0123456789"
    redactor.register(key)
    begin, go = anyio.Event(), anyio.Event()

    class Repeats:
        async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
            await begin.wait()
            yield Chunk("thinking of ")
            yield Chunk(f"you sent {key[:12]}", afresh=True)
            yield Chunk(key[12:])
            await go.wait()
            yield Chunk(f". Not {key[:9]}")
            yield Chunk(finish="stop")

    cards, seen = Cards(), list[Json]()
    async with a_runtime(tmp_path, cards, Repeats()) as runtime, anyio.create_task_group() as tasks:

        async def watch(turn: str) -> None:
            seen.extend([line async for line in runtime.resources.turns.watch_turn(turn)])

        receipt = await runtime.receive(a_message())
        tasks.start_soon(watch, ids.show(receipt.turn))
        await until(lambda: runtime.bus.wants("chunk"))
        begin.set()
        await cards.saw.wait()
        go.set()
        turn = await ended(runtime, receipt)
    assert turn["reply"] == f"you sent {MASK}. Not {key[:9]}"
    assert key[12:] not in str([cards.shown, cards.sent, seen])
    text = ""
    for line in seen[:-1]:
        text = line["text"] if line.get("afresh") else text + line["text"]
    assert text == turn["reply"] and seen[-1]["turn"]["reply"] == text
