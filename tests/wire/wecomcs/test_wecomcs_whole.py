"""Customer service through the whole runtime: inbox, pipeline, outbox and store, against the simulator."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from wecomcs_here import ACCOUNT

from mindbot.config.load import load
from mindbot.domain.chat import Chunk
from mindbot.domain.message import Json, Message
from mindbot.domain.ports.platform import Webhook
from mindbot.domain.turn import Turn
from mindbot.runtime.app import Runtime
from mindbot.sim.testing import simulated
from mindbot.sim.wecomcs.server import WeComCsSimulator
from mindbot.sim.wecomcs.service_desk import BOT, PERSON, POOL
from mindbot.testing.platforms import served
from mindbot.testing.waiting import PATIENCE, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SESSION = f"wecomcs:default:{ACCOUNT}:wm1"


class Model:
    """A runner: repeats the last message; ``hold`` makes it wait, ``person`` makes it ask for one."""

    def __init__(self) -> None:
        self.go = anyio.Event()
        self.go.set()
        self.calls: list[str] = []
        self.seen: list[Json] = []

    def hold(self) -> None:
        self.go = anyio.Event()

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        self.calls.append(turn.message.text)
        self.seen = [{"role": m.role, "content": m.content} for m in turn.history]
        await self.go.wait()
        if "person" in turn.message.text:
            turn.hand_over("anna", say="Anna comes.")
        long = "好" * 5000 if "long" in turn.message.text else ""
        yield Chunk(f"re {turn.message.text}{long}", finish="stop")


@dataclass
class Shop:
    runtime: Runtime
    sim: WeComCsSimulator
    model: Model

    def shown(self) -> list[str]:
        return [m.text for m in self.sim.inbox("wm1")]

    async def says(self, text: str) -> None:
        await self.sim.push_text("wm1", text)

    async def turn(self, filter: str) -> Json:
        """Return the newest turn that matches, once there is one."""
        while not (found := await self.runtime.resources.turns.list_turns(filter=filter, limit=1)):
            await anyio.sleep(0.01)
        return await self.runtime.resources.turns.get_turn(found[0]["id"])


@asynccontextmanager
async def a_shop(folder: Path, *, fault: str = "", **changed: Any) -> AsyncIterator[Shop]:
    async with (
        simulated("wecomcs", strict=True, fault=fault or ()) as sim,
        opened(sim, folder, **changed) as shop,
    ):
        yield shop


@asynccontextmanager
async def opened(sim: WeComCsSimulator, folder: Path, **changed: Any) -> AsyncIterator[Shop]:
    bot = {k: v for k, v in sim.details().items() if k != "base_url"} | {"pull_interval": 1} | changed
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}, overrides={"wecomcs": bot}), folder) as runtime:
            model = Model()
            runtime.generation.runners["chat"] = model
            platform = runtime.bots.bots["wecomcs", "default"].adapter
            assert isinstance(platform, Webhook)
            async with served(platform, runtime.receive) as url:
                sim.callback_url = url
                yield Shop(runtime, sim, model)


async def test_questions_that_waited_are_answered_together_within_five_and_name_each(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        shop.model.hold()
        await shop.says("first")
        await until(lambda: shop.model.calls)
        for text in ("question b", "question c long"):
            await shop.says(text)
        await until(lambda: shop.runtime.dispatcher.queued == 2)
        shop.model.go.set()
        await until(lambda: len(shop.shown()) == 5)
        assert shop.shown()[0] == "re first" and shop.shown()[1].startswith(
            "「question b」\n「question c long」"
        )
        turn = await shop.turn('text =~ "question b" and state == "answered"')
        await shop.runtime.outbox.drained()
        turn = await shop.runtime.resources.turns.get_turn(turn["id"])
        assert len(turn["deliveries"]) == 4, "one of the five was the answer to the first"
        assert turn["deliveries"][-1]["notes"]["cut"] > 0 and turn["deliveries"][-1]["notes"]["left"] == 0
        (session,) = await shop.runtime.resources.sessions.list_sessions()
        assert (session["session"], session["left"]) == (SESSION, 0)


async def test_of_a_flood_every_message_is_found_with_the_answer_that_it_shares(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        said = [f"question {n:03} of a customer who is in a hurry" for n in range(300)]
        for text in said:
            shop.sim.desk.says(ACCOUNT, "wm1", "text", {"content": text})
        await shop.sim.ring()
        rows: list[Json] = []
        while len(rows) < len(said) or any(row["state"] != "answered" for row in rows):
            rows = await shop.runtime.resources.turns.list_turns(limit=1000)
            await anyio.sleep(0.02)
        await shop.runtime.outbox.drained()
        assert sorted(row["text"] for row in rows) == said
        turns = {row["id"]: row for row in rows}
        shared = 0
        for row in rows:
            if row["reason"]:
                carrier = row["reason"].removeprefix("together with ")
                assert turns[carrier]["state"] == "answered" and not turns[carrier]["reason"]
                shared += 1
        carriers = [id for id, row in turns.items() if not row["reason"]]
        assert shared + len(carriers) == len(said)
        sent = [d for id in carriers for d in (await shop.runtime.resources.turns.get_turn(id))["deliveries"]]
        assert 0 < len(sent) <= 5 and all(d["state"] == "sent" for d in sent)
        assert any(d["notes"].get("cut") for d in sent), "what did not fit is counted"
        more = [line for text in shop.shown() for line in text.splitlines() if "more messages" in line]
        assert more, "who asked is told that there were more than those named"


async def test_a_reply_is_merged_into_what_is_left(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        shop.model.hold()
        await shop.says("long")
        await until(lambda: shop.model.calls)
        to = {"touser": "wm1", "open_kfid": ACCOUNT}
        platform: Any = shop.runtime.bots.bots["wecomcs", "default"].adapter
        for n in range(3):  # said meanwhile, by an operator
            await platform._budget.spend(to, f"other-{n}")
            shop.sim.desk.talk(ACCOUNT, "wm1").left -= 1
        shop.model.go.set()
        turn = await shop.turn('text =~ "long" and state == "answered"')
        await until(lambda: len(shop.shown()) == 2)
        await shop.runtime.outbox.drained()
        turn = await shop.runtime.resources.turns.get_turn(turn["id"])
        assert [d["state"] for d in turn["deliveries"]] == ["sent", "sent"]
        assert turn["deliveries"][1]["notes"]["cut"] > 0
        assert shop.sim.counters["errcode.95001"] == 0


async def test_the_model_hands_over_and_the_bot_knows_later_what_was_said(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        await shop.says("a person please")
        await until(lambda: shop.sim.desk.talk(ACCOUNT, "wm1").state == PERSON and len(shop.shown()) == 2)
        assert shop.shown() == ["re a person please", "Anna comes."]
        await shop.says("anna?")
        turn = await shop.turn('text == "anna?" and state == "dropped"')
        assert turn["reason"] == "access: the conversation is with a person: anna"
        shop.sim.desk.servicer_says(ACCOUNT, "wm1", "anna", "Here I am")
        shop.sim.desk.ends(ACCOUNT, "wm1")
        await shop.says("bot again")
        await until(lambda: "re bot again" in shop.shown())
        assert shop.sim.desk.talk(ACCOUNT, "wm1").state == BOT
        assert [(line["role"], line["content"]) for line in shop.model.seen] == [
            ("user", "a person please"),
            ("assistant", "re a person please\nAnna comes."),
            ("user", "anna?"),
            ("assistant", "Here I am"),
        ]


async def test_what_is_in_the_outbox_when_people_come_is_kept_and_not_said(tmp_path: Path) -> None:
    async with a_shop(tmp_path, fault="taken-over") as shop:
        await shop.says("long")
        turn = await shop.turn('text =~ "long" and state == "answered"')
        await shop.runtime.outbox.drained()
        turn = await shop.runtime.resources.turns.get_turn(turn["id"])
        assert {d["state"] for d in turn["deliveries"]} == {"dead"} and shop.shown() == []
        assert all("queueing for people" in d["error"] for d in turn["deliveries"])
        assert shop.sim.desk.talk(ACCOUNT, "wm1").state == POOL
        assert shop.sim.counters["kf/send_msg"] == 1, "the others were not even tried"


async def test_a_late_failure_and_a_recall_are_seen_in_the_trace(tmp_path: Path) -> None:
    async with a_shop(tmp_path, fault="send-fails:n=1@kf/send_msg") as shop:
        await shop.says("hello")
        turn = await shop.turn('text == "hello" and state == "answered"')
        await shop.runtime.outbox.drained()
        await shop.sim.ring()
        failed = await shop.turn('reason =~ "not delivered"')
        shop.sim.desk.recalls(ACCOUNT, "wm1", turn["message"]["key"])
        await shop.sim.ring()
        await shop.turn('reason =~ "recalled a message"')
        turn = await shop.runtime.resources.turns.get_turn(turn["id"])
        assert turn["deliveries"][0]["notes"]["failed"] == "the customer refuses messages"
        assert turn["deliveries"][0]["id"] in failed["reason"] and turn["notes"][0]["by"] == "the customer"
        span = (await shop.runtime.resources.turns.get_spans(turn["id"]))[-1]
        assert (span["kind"], span["status"], span["data"]["notes"]["fail_type"]) == ("delivery", "error", 10)


async def test_a_welcome_goes_out_and_counts_nothing(tmp_path: Path) -> None:
    async with a_shop(tmp_path, welcome_message="Welcome!") as shop:
        shop.sim.desk.enters(ACCOUNT, "wm1")
        await shop.sim.ring()
        await until(lambda: shop.shown() == ["Welcome!"])
        await shop.says("hello")
        await until(lambda: len(shop.shown()) == 2)
        await shop.runtime.outbox.drained()
        (session,) = await shop.runtime.resources.sessions.list_sessions()
        assert session["left"] == 4 and not shop.model.seen[:-1]


async def test_a_failed_turn_that_is_run_again_can_be_answered(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        run, shop.model.run = shop.model.run, _broken  # type: ignore[method-assign]
        await shop.says("hello")
        turn = await shop.turn('text == "hello" and state == "failed"')
        await until(lambda: len(shop.shown()) == 1)
        await shop.runtime.outbox.drained()
        shop.model.run = run  # type: ignore[method-assign]
        await shop.runtime.resources.dead_letters.retry_turn(turn["id"])
        await until(lambda: "re hello" in shop.shown())
        assert shop.sim.counters["repeats_refused"] == 0


async def test_a_keyword_whose_turn_dies_after_the_hand_over_is_answered_by_the_next_run(
    tmp_path: Path,
) -> None:
    settings = {"handoff_keywords": ["human"], "handoff_message": "A person comes."}
    async with simulated("wecomcs", strict=True) as sim:
        async with opened(sim, tmp_path, **settings) as shop:
            platform: Any = shop.runtime.bots.bots["wecomcs", "default"].adapter
            silence, handed = platform.silence, anyio.Event()

            async def dies(message: Message) -> None:
                await silence(message)
                handed.set()
                await anyio.sleep_forever()  # and nothing of it is committed

            platform.silence = dies
            await shop.says("human please")
            await handed.wait()
            assert sim.desk.talk(ACCOUNT, "wm1").state == POOL
        async with opened(sim, tmp_path, **settings) as shop:
            await until(lambda: shop.shown() == ["A person comes."])
            turn = await shop.turn('text == "human please"')
            assert turn["state"] == "dropped" and "handed to the pool" in turn["reason"]


async def _broken(turn: Turn) -> AsyncGenerator[Chunk, None]:
    raise ValueError("a mistake of the runner")
    yield Chunk()
