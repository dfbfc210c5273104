"""A user ends the answer that is being made by a word, though turns of a session follow each other."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.chat import Chunk
from mindbot.domain.errors import WorkflowPaused
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports.platform import Receipt
from mindbot.domain.turn import Turn
from mindbot.pipeline.stop import asks_to_stop
from mindbot.platforms.console import ConsolePlatform
from mindbot.runtime.app import Runtime
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE
from mindbot.workflows.forms import Forms

pytestmark = pytest.mark.anyio

STOPPED, IDLE = "好的，已停止。", "现在没有正在进行的回答。"


class Endless:
    """Says something, then nothing more until it is left."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.left: list[str] = []

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        self.asked.append(turn.message.text)
        try:
            yield Chunk("so far")
            await anyio.sleep_forever()
        finally:
            self.left.append(turn.message.text)


def a_message(key: str, text: str, sender: str = "ann", session: str = "console:default:ann") -> Message:
    now = time.time()
    return Message(
        "console", "default", key, session, sender, "text", (text_part(text),), {}, ts=now, received=now
    )


@asynccontextmanager
async def a_runtime(
    folder: Path, places: MemoryPlaces | None = None
) -> AsyncIterator[tuple[Runtime, Endless]]:
    runner = Endless()
    store = (places or MemoryPlaces()).store
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), folder, store=store) as runtime:
            runtime.generation.runners["chat"] = runner
            yield runtime, runner


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await anyio.sleep(0.01)


async def ended(runtime: Runtime, receipt: Receipt) -> Json:
    return dict(await runtime.resources.turns.wait_sent(ids.show(receipt.turn), 10))


@pytest.mark.parametrize("word", ["/stop", "STOP", "停止。", " ／ｓｔｏｐ "])
async def test_the_word_ends_a_running_answer_and_what_was_said_is_it(tmp_path: Path, word: str) -> None:
    async with a_runtime(tmp_path) as (runtime, runner):
        first = await runtime.receive(a_message("1", "tell me everything"))
        await until(lambda: bool(runner.asked))
        stop = await runtime.receive(a_message("2", word))
        assert (await ended(runtime, first))["reply"] == "so far"
        told = await ended(runtime, stop)
        assert (told["reply"], told["route"]["why"]) == (STOPPED, "the user asks to stop")
        assert runner.left == runner.asked == ["tell me everything"]


async def test_what_waits_before_the_word_ends_as_well_and_what_comes_later_does_not(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as (runtime, runner):
        await runtime.receive(a_message("1", "first"))
        await until(lambda: bool(runner.asked))
        second = await runtime.receive(a_message("2", "second"))
        stop = await runtime.receive(a_message("3", "/stop"))
        await runtime.receive(a_message("4", "third"))
        told = await ended(runtime, second)
        assert (told["reason"], told["deliveries"]) == ("stopped before the first word", [])
        assert (await ended(runtime, stop))["reply"] == STOPPED
        await until(lambda: runner.asked[-1] == "third")
        assert "third" not in runner.left


async def test_who_has_nothing_to_stop_is_told_so(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as (runtime, runner):
        stop = await runtime.receive(a_message("1", "/stop"))
        assert (await ended(runtime, stop))["reply"] == IDLE
        assert not runner.asked


async def test_in_a_shared_session_nobody_stops_what_another_asked(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as (runtime, runner):
        shared = "console:default:all"
        await runtime.receive(a_message("1", "long", session=shared))
        await until(lambda: bool(runner.asked))
        bobs = await runtime.receive(a_message("2", "/stop", sender="bob", session=shared))
        anns = await runtime.receive(a_message("3", "/stop", session=shared))
        assert (await ended(runtime, bobs))["reply"] == IDLE
        assert (await ended(runtime, anns))["reply"] == STOPPED


async def test_a_form_nobody_wants_to_fill_in_is_forgotten(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as (runtime, _):
        forms: Forms = runtime.builder.workflows.forms
        turn = Turn(1, a_message("0", "start"))
        form = {"form_token": "f", "content": "Which city?", "actions": []}
        await forms.offer(turn, "weather", "", WorkflowPaused("it waits", forms=[form]))
        stop = await runtime.receive(a_message("1", "/stop"))
        assert (await ended(runtime, stop))["reply"] == STOPPED
        assert await forms.of(turn.session) == []


@pytest.mark.parametrize("text", ["stop it", "停止服务怎么办", "", "st op", "x" * 1000])
def test_other_messages_do_not_ask_for_it(text: str) -> None:
    assert not asks_to_stop(a_message("1", text), ("/stop", "stop", "停止"))


def test_a_picture_beside_the_word_is_another_message() -> None:
    message = Message("c", "b", "k", "s", "u", "text", (text_part("stop"), Part("image")), {})
    assert not asks_to_stop(message, ("stop",))


class Merging(ConsolePlatform):
    """A bot whose replies are scarce: one answers all that waits."""

    def merge(self, messages: Sequence[Message]) -> Message:
        return replace(messages[0], parts=(text_part(" + ".join(m.text for m in messages)),))


async def test_where_one_reply_answers_several_messages_the_word_is_none_of_them(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as (runtime, runner):
        runtime.outbox.serve(Bot.of(Merging()))
        await runtime.receive(a_message("1", "first"))
        await until(lambda: bool(runner.asked))
        second = await runtime.receive(a_message("2", "second"))
        third = await runtime.receive(a_message("3", "third"))
        stop = await runtime.receive(a_message("4", "/stop"))
        await runtime.receive(a_message("5", "fourth"))
        assert (await ended(runtime, second))["reason"] == "stopped before the first word"
        assert (await ended(runtime, third))["reason"].startswith("together with")
        assert (await ended(runtime, stop))["reply"] == STOPPED
        await until(lambda: runner.asked == ["first", "fourth"])
