"""The runtime over a real store: what is on disk is run, whatever breaks around it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
import structlog

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.chat import Chunk
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import BadFilter, Conflict, Invalid, Rejected, StoreError, StoreFull, StoreReadOnly
from mindbot.domain.message import Message, Part, text_part
from mindbot.domain.ports.platform import Receipt, Receive, Report
from mindbot.domain.turn import Turn
from mindbot.runtime import housekeeping
from mindbot.runtime.app import MakeStore, Runtime
from mindbot.store import sqlite
from mindbot.store.sqlite import SqliteStore
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

#: Where the disk is not the point.
MEMORY = MemoryPlaces().store


class Phone:
    """A bot that keeps what it is told to send."""

    name, bot, idempotent = "phone", "default", True

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.refuses = False
        self.cannot_plan = False
        self.cannot_say: set[str] = set()  # kinds of parts

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        if self.cannot_plan:
            raise KeyError("a mistake of the adapter")
        return [[part] for part in parts if part.kind not in self.cannot_say]

    def address(self, user: str) -> dict[str, str]:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        if self.refuses:
            raise Rejected("not to this user")
        self.seen.append(delivery.text)
        return Sent()


def a_message(key: str = "m1", text: str = "hello", user: str = "lin", **more: Any) -> Message:
    fields: dict[str, Any] = {"received": time.time(), "parts": (text_part(text),), "kind": "text"} | more
    return Message("phone", "default", key, f"phone:default:{user}", user, reply_to={}, **fields)


@asynccontextmanager
async def a_runtime(
    folder: Path, phone: Phone, kept: MakeStore = sqlite.configured, **overrides: Any
) -> AsyncIterator[Runtime]:
    loaded = load(environ={}, overrides=overrides)
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(loaded, folder, store=kept) as runtime:
            runtime.outbox.serve(Bot.of(phone))
            yield runtime


async def ended(runtime: Runtime, receipt: Receipt) -> dict[str, Any]:
    return await runtime.resources.turns.wait_turn(ids.show(receipt.turn), PATIENCE)


async def test_what_comes_while_the_daemon_goes_down_is_stored_and_runs_at_the_next_start(
    tmp_path: Path,
) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone) as runtime:
        assert await runtime.drain(5)
        receipt = await runtime.receive(a_message(text="just in time"))
        with pytest.raises(StoreError, match="stopping"):
            await runtime.resources.platforms.push(platform="console", bot="", text="too late", user="lin")
    async with a_runtime(tmp_path, phone) as runtime:
        assert (await ended(runtime, receipt))["state"] == "answered"


async def test_a_message_whose_caller_gave_up_on_a_slow_disk_is_answered(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone) as runtime:
        with anyio.CancelScope() as caller:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(runtime.receive, a_message())
                await anyio.lowlevel.checkpoint()
                caller.cancel()  # its row is on its way to the disk
        again = await runtime.receive(a_message())  # as the platform does that got no ack
        assert again.duplicate
        assert (await ended(runtime, again))["state"] == "answered"


async def test_what_no_row_can_hold_is_stored_as_what_it_can(tmp_path: Path) -> None:
    phone = Phone()
    deep: Any = "bottom"
    for _ in range(400):
        deep = [deep]
    message = a_message(text="half \ud83d", aliases=("lin", "\ude00"), corp="c")
    part = Part("raw", "odd", {"n": 10**30, "deep": deep, "fine": [1, "two"]})
    odd = replace(message, parts=(*message.parts, part), raw='{"n":1000000000000000000000000000000}')
    async with a_runtime(tmp_path, phone) as runtime:
        for receipt in (
            await runtime.receive(odd),
            *await runtime.intake.receive_all([replace(odd, key="m2")], []),
        ):
            shown = await ended(runtime, receipt)
            assert shown["state"] == "answered"
            assert not receipt.duplicate
            stored = Message.from_json(shown["message"])
            assert stored.parts[0].text == "half \ufffd"
            assert stored.parts[1].data["fine"] == [1, "two"]
            assert stored.raw == odd.raw
        assert (await runtime.receive(odd)).duplicate


async def test_an_adapter_that_cannot_plan_costs_its_own_turn_only(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MEMORY) as runtime:
        phone.cannot_plan = True
        bad = await ended(runtime, await runtime.receive(a_message("bad")))
        assert (bad["state"], "KeyError" in bad["reason"]) == ("dead", True)
        phone.cannot_plan = False
        assert (await ended(runtime, await runtime.receive(a_message("good"))))["state"] == "answered"


async def test_a_turn_that_cannot_be_written_is_not_forgotten(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MEMORY) as runtime:
        finish, failures = runtime.store.turns.finish, 4

        async def read_only_at_first(turn: Turn, deliveries: list[Delivery]) -> None:
            nonlocal failures
            if failures:
                failures -= 1
                raise StoreError("the disk is mounted read-only")
            await finish(turn, deliveries)

        runtime.store.turns.finish = read_only_at_first  # type: ignore[method-assign]
        done = await ended(runtime, await runtime.receive(a_message()))
        assert (done["state"], failures) == ("dead", 0)
        while not phone.seen:
            await anyio.sleep(0.001)


async def test_a_dead_turn_is_run_again_however_old_it_is(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone) as runtime:
        phone.cannot_plan = True
        receipt = await runtime.receive(a_message(received=time.time() - 800))  # not stale yet
        assert (await ended(runtime, receipt))["state"] == "dead"
        phone.cannot_plan = False
    async with a_runtime(tmp_path, phone, dispatcher={"stale_after": 1}) as runtime:
        await runtime.resources.dead_letters.retry_turn(ids.show(receipt.turn))
        assert (await ended(runtime, receipt))["state"] == "answered"


async def test_many_dead_letters_are_settled_at_once_and_what_came_of_them_is_told(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MEMORY) as runtime:
        letters = runtime.resources.dead_letters
        phone.refuses = True
        for n in range(4):
            await ended(runtime, await runtime.receive(a_message(f"m{n}", user=f"u{n}")))
        while runtime.outbox.waiting:
            await anyio.sleep(0.001)
        dead = await letters.list_dead_letters()
        assert [each["user"] for each in dead] == ["u3", "u2", "u1", "u0"]
        assert [d["user"] for d in await letters.list_dead_letters(9, "user in [u1, u2]")] == ["u2", "u1"]
        phone.refuses = False
        first, last = dead[-1]["id"], dead[0]["id"]
        await letters.discard_dead_letter(first)
        done = await letters.settle_dead_letters("retry", None, "user in [u1, u2] or u0")
        assert [each["done"] for each in done["settled"]] == [True, True] and not done["more"]
        done = await letters.settle_dead_letters("retry", [first, last, "nosuch"], None)
        assert [each["done"] for each in done["settled"]] == [False, True, False]
        assert "discarded, not dead" in done["settled"][0]["why"]
        while runtime.outbox.waiting:
            await anyio.sleep(0.001)
        assert await letters.list_dead_letters() == [], "who does not ask for them sees dead ones alone"
        told = await letters.list_dead_letters(settled=True)
        assert [(d["state"], d["acted"]) for d in told] == [("sent", "retry")] * 3 + [
            ("discarded", "discard")
        ]
        assert told[0]["user"] == "u3" and told[0]["acted_at"] > 0
        assert all("error" in each and each["error"] for each in told), "it is still seen what had been wrong"
        await letters.restore_dead_letter(first)
        (back,) = await letters.list_dead_letters()
        assert (back["id"], back["acted"]) == (first, "restore")
        met = await letters.settle_dead_letters("discard", None, "", below=first)
        assert met == {"settled": [], "more": False, "next": ""}, "it is not older than itself"
        for ids, filter in ((None, None), ([first], ""), (None, "user ==")):
            with pytest.raises((Invalid, BadFilter)):
                await letters.settle_dead_letters("retry", ids, filter)


async def test_letters_that_are_dead_again_at_once_hold_up_none_behind_them(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MEMORY) as runtime:
        phone.refuses = True
        for n in range(5):
            await ended(runtime, await runtime.receive(a_message(f"m{n}", user=f"u{n}")))
        letters, below, met = runtime.resources.dead_letters, "", []
        while True:
            while runtime.outbox.waiting:
                await anyio.sleep(0.001)
            done = await letters.settle_dead_letters("retry", None, "", 2, below)
            met += [each["id"] for each in done["settled"]]
            below = done["next"]
            if not done["more"]:
                break
        while runtime.outbox.waiting:
            await anyio.sleep(0.001)
        assert sorted(met, reverse=True) == [each["id"] for each in await letters.list_dead_letters()]
        assert len(met) == 5


async def test_two_operators_who_retry_one_dead_letter_send_it_once(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MEMORY) as runtime:
        phone.refuses = True
        receipt = await runtime.receive(a_message())
        await ended(runtime, receipt)
        while runtime.outbox.waiting:
            await anyio.sleep(0.001)
        phone.refuses = False
        letter, refused = f"{ids.show(receipt.turn)}-0", []

        async def retry() -> None:
            try:
                await runtime.resources.dead_letters.retry_dead_letter(letter)
            except Conflict as error:
                refused.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(retry)
            tasks.start_soon(retry)
        while runtime.outbox.waiting:
            await anyio.sleep(0.001)
        assert (len(phone.seen), len(refused)) == (1, 1)


async def test_waiting_for_turns_leaves_nothing_behind(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, Phone(), MEMORY) as runtime:
        for _ in range(3):
            with pytest.raises(Exception, match="no turn"):
                await runtime.resources.turns.wait_turn(ids.show(ids.new_id()), 1)
        assert not len(runtime.endings)


async def test_only_turns_that_had_begun_are_charged_with_a_crash(tmp_path: Path) -> None:
    hangs = {"scripted": {"rules": [{"match": "poison", "delay": 3600, "reply": "never"}]}}
    options = {"dispatcher": {"max_running": 1, "max_attempts": 2}, "providers": hangs}
    async with a_runtime(tmp_path, Phone(), **options) as runtime:
        poison = await runtime.receive(a_message("m1", "poison", user="a"))
        innocent = await runtime.receive(a_message("m2", user="b"))
    async with a_runtime(tmp_path, Phone(), **options) as runtime:
        while runtime.dispatcher.running == 0:
            await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
    async with a_runtime(tmp_path, Phone(), **options) as runtime:
        assert (await ended(runtime, poison))["state"] == "dead"
        assert (await ended(runtime, innocent))["state"] == "answered"


async def test_who_waits_for_a_slot_is_told_once_and_before_the_answer(tmp_path: Path) -> None:
    phone = Phone()
    hangs = {"scripted": {"rules": [{"match": "slow", "delay": 3600, "reply": "never"}]}}
    options = {"dispatcher": {"max_running": 1, "busy_notice": "one moment"}, "providers": hangs}
    async with a_runtime(tmp_path, phone, **options) as runtime:
        await runtime.receive(a_message("m1", "slow", user="a"))
        waiting = await runtime.receive(a_message("m2", user="b"))
        await runtime.receive(a_message("m3", user="b"))
        for _ in range(2):
            await runtime.overload.tell(runtime.dispatcher.overdue(0))
        while runtime.outbox.waiting:
            await anyio.sleep(0.001)
        assert phone.seen == ["one moment"]
    async with a_runtime(tmp_path, phone) as runtime:
        deliveries = (await ended(runtime, waiting))["deliveries"]
        assert [d["text"] for d in deliveries] == ["one moment", "echo: hello"]


async def test_nobody_who_wrote_nothing_is_told_that_it_takes_longer(tmp_path: Path) -> None:
    phone = Phone()
    hangs = {"scripted": {"rules": [{"match": "slow", "delay": 3600, "reply": "never"}]}}
    options = {"dispatcher": {"max_running": 1, "busy_notice": "one moment"}, "providers": hangs}
    async with a_runtime(tmp_path, phone, MEMORY, **options) as runtime:
        await runtime.receive(a_message("m1", "slow", user="a"))
        await runtime.receive(replace(a_message("m2", user="b"), kind="event"))
        await runtime.receive(replace(a_message("m3", user="c"), kind="push"))
        await runtime.receive(a_message("m4", user="d"))
        await runtime.overload.tell(runtime.dispatcher.overdue(0))
        while runtime.outbox.waiting:
            await anyio.sleep(0.001)
        assert phone.seen == ["one moment"]


@pytest.mark.parametrize("kind", ["event", "push"])
async def test_a_dead_turn_of_somebody_who_wrote_nothing_says_nothing(tmp_path: Path, kind: str) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MEMORY) as runtime:

        async def crashes(turn: Turn) -> None:
            raise KeyError("a mistake of a stage")

        runtime.generation.pipeline = crashes
        with structlog.testing.capture_logs() as lines:
            dead = await ended(runtime, await runtime.receive(replace(a_message(), kind=kind)))
        (line,) = (each for each in lines if each["event"] == "turn given up")
        assert (line["turn"], line["platform"], line["bot"]) == (dead["id"], "phone", "default")
        assert (line["log_level"], line["error"]) == ("warning", dead["reason"])
        assert (dead["state"], dead["deliveries"], phone.seen) == ("dead", [], [])


async def test_what_answers_in_the_bots_place_is_used_and_shown_to_nobody(tmp_path: Path) -> None:
    class Answering(Phone):
        async def send(self, delivery: Delivery) -> Sent:
            self.seen.append(delivery.to["webhook"])
            return Sent("m1", {"response_code": "PLANTED-1"})

    webhook, response_url = "https://h/robot/sendBySession?session=PLANTED-2", "https://h/r?x=PLANTED-3"
    raw = json.dumps({"sessionWebhook": webhook, "response_url": response_url, "aeskey": "PLANTED-4"})
    part = Part("image", "[image]", {"url": "https://h/i", "aeskey": "PLANTED-5"})
    to = {"user": "lin", "webhook": webhook, "response_url": response_url}
    phone = Answering()
    async with a_runtime(tmp_path, phone, MEMORY) as runtime:
        message = replace(a_message(), reply_to=to, raw=raw, parts=(text_part("hello"), part))
        turn = ids.show((await runtime.receive(message)).turn)
        shown = [
            await runtime.resources.turns.wait_turn(turn, PATIENCE),
            await runtime.resources.turns.wait_sent(turn, PATIENCE),
        ]
        shown += [line async for line in runtime.resources.turns.watch_turn(turn)]
        shown += await runtime.resources.turns.get_spans(turn)
    assert phone.seen == [webhook]
    assert shown[1]["message"]["reply_to"]["user"] == "lin" and "hello" in shown[1]["text"]
    assert "PLANTED" not in json.dumps(shown)


@pytest.mark.parametrize("failure", [StoreFull, StoreReadOnly])
async def test_a_start_on_a_disk_that_takes_nothing_yet_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: type[StoreError]
) -> None:
    """Ending instead would be for good: systemd gives up after five crashes in a minute."""
    disk = {"full": True}
    probe = SqliteStore.probe

    async def full_or_not(store: SqliteStore) -> None:
        if disk["full"]:
            disk["full"] = False
            raise failure("nothing can be written", hint="free some")
        await probe(store)

    monkeypatch.setattr(housekeeping, "PROBE_EVERY", 0.001)
    monkeypatch.setattr(SqliteStore, "probe", full_or_not)
    phone, told = Phone(), list[str]()
    opened = Runtime.open(load(environ={}), tmp_path, on_wait=told.append)
    log = structlog.testing.LogCapture()
    monkeypatch.setattr("mindbot.runtime.app.log", structlog.wrap_logger(None, processors=[log]))
    async with opened as runtime:
        (waits,) = [line for line in log.entries if line["event"] == "the start waits for the store"]
        assert waits["error"] == "nothing can be written (free some)"
        runtime.outbox.serve(Bot.of(phone))
        assert not disk["full"] and runtime.board.state("store") == "ok"
        assert told == ["nothing can be written (free some)"]
        await ended(runtime, await runtime.receive(a_message()))


async def test_an_answer_of_which_nothing_can_be_sent_ends_in_a_notice(tmp_path: Path) -> None:
    class Draws:
        async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
            turn.reply.parts.append(Part("image", "a cat"))
            yield Chunk(finish="stop")

    phone = Phone()
    phone.cannot_say = {"image"}
    async with a_runtime(tmp_path, phone, MEMORY) as runtime:
        runtime.generation.runners["chat"] = Draws()
        done = await ended(runtime, await runtime.receive(a_message()))
        assert done["state"] == "failed"
        assert done["reason"] == "empty_answer: phone can send nothing of it (image)"
        assert phone.seen == [runtime.loaded.config.dispatcher.empty_notice]
        push = a_message("p", kind="push", parts=(Part("image", "a cat"),))
        done = await ended(runtime, await runtime.receive(push))
        assert (done["state"], len(phone.seen)) == ("failed", 1), "nobody asked"


@pytest.mark.full
async def test_that_no_provider_may_be_asked_is_in_health_and_leaves_it_again(tmp_path: Path) -> None:
    providers = {"a": {"type": "scripted"}}
    async with a_runtime(tmp_path, Phone(), MEMORY, providers=providers) as runtime:
        assert runtime.board.state("providers") == ""
        await runtime.resources.providers.switch_provider("a", on=False)
        await until(lambda: runtime.board.state("providers") == "failed")
        assert "a was switched off (mindbot provider enable a)" in runtime.board.reason("providers")
        await runtime.resources.providers.switch_provider("a", on=True)
        await until(lambda: runtime.board.state("providers") == "ok")


async def test_an_answer_that_is_watched_at_the_console_is_streamed_by_the_model(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, Phone(), MEMORY, providers={"a": {"type": "scripted"}}) as runtime:
        for stream in (True, False):
            turn = await runtime.resources.turns.inject(text="hello", stream=stream)
            spans = (await runtime.resources.turns.wait_turn(turn, PATIENCE))["spans"]
            (model,) = [span for span in spans if span["kind"] == "model"]
            assert model["data"]["request"]["stream"] is stream
