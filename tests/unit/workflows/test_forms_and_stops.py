"""People and Dify's runs, through the runtime: forms answered from the chat over restarts, runs stopped."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain.message import Message, text_part
from mindbot.runtime.app import Runtime
from mindbot.sim.dify.server import DifySimulator
from mindbot.sim.testing import simulated
from mindbot.testing.waiting import PATIENCE

pytestmark = [pytest.mark.anyio, pytest.mark.full]

SIDE_BY_SIDE = [
    {"title": "Start", "type": "start"},
    {
        "title": "Both",
        "type": "parallel",
        "branches": [
            [{"title": title, "type": "human-input", "form": {"content": f"{title}: fine?"}}]
            for title in ("Law", "Money")
        ],
    },
    {"title": "Answer"},
]
ONE = [
    {"title": "Start", "type": "start"},
    {
        "title": "Boss",
        "type": "human-input",
        "form": {"content": "Leave for Ann?", "inputs": [{"output_variable_name": "reason", "type": "text"}]},
    },
    {"title": "Answer"},
]


@asynccontextmanager
async def dify(nodes: Any, **more: Any) -> AsyncIterator[DifySimulator]:
    app = {"mode": "advanced-chat", "nodes": nodes, "answer": "decided: {form}", **more}
    with anyio.fail_after(PATIENCE):
        async with simulated("dify", apps={"leave": app}) as sim:
            yield sim


class Chat:
    """A user of a daemon that has one workflow."""

    def __init__(self, folder: Path, sim: DifySimulator | None = None, **entry: Any) -> None:
        self._folder = folder
        if sim is not None:
            entry |= {"dify_endpoint": sim.base_url, "dify_api_key": "app-leave", "type": "chatflow"}
        self._config = load(environ={}, overrides={"workflows": {"leave": entry | {"max_retries": 0}}})
        self._number = 0

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Runtime]:
        async with Runtime.open(self._config, self._folder) as runtime:
            yield runtime

    async def send(self, runtime: Runtime, text: str, received: float = 0.0) -> int:
        self._number += 1
        now = received or time.time()
        key, session, parts = str(self._number), "console:default:ann", (text_part(text),)
        message = Message("console", "default", key, session, "ann", "text", parts, {}, ts=now, received=now)
        return (await runtime.receive(message)).turn

    async def answer(self, runtime: Runtime, turn: int) -> str:
        while not (found := await runtime.store.turns.answer(turn)) or not found.done:
            await anyio.sleep(0.01)
        return "\n".join(delivery.text for delivery in found.deliveries)

    async def say(self, runtime: Runtime, text: str, received: float = 0.0) -> str:
        return await self.answer(runtime, await self.send(runtime, text, received))


def starts(sim: DifySimulator) -> int:
    return sum(r.path.endswith("/chat-messages") for r in sim.requests if r.method == "POST")


async def test_forms_side_by_side_are_answered_over_restarts_and_the_run_is_one(tmp_path: Path) -> None:
    async with dify(SIDE_BY_SIDE) as sim:
        chat = Chat(tmp_path, sim)
        async with chat.daemon() as runtime:
            offered = await chat.say(runtime, "leave please")
            assert "Law: fine?" in offered
            assert "Money: fine?" in offered
            assert "Several forms wait" in await chat.say(runtime, "approve")
        async with chat.daemon() as runtime:
            noted = await chat.say(runtime, "2")
            assert noted.startswith("Noted: Reject.")
            assert "Still open" in noted
            assert "Money: fine?" in noted
        async with chat.daemon() as runtime:
            clicked = time.time()
            said = await chat.say(runtime, "3", clicked)
            assert "decided:" in said
            assert await chat.say(runtime, "3", clicked) == "That was answered already (Approve)."
        assert starts(sim) == 1
        assert all(form.action for form in sim.desk.forms.forms.values())


async def test_an_answer_under_way_when_the_daemon_ends_is_read_by_the_next(tmp_path: Path) -> None:
    slow = [ONE[0], SIDE_BY_SIDE[1]["branches"][0][0], {"title": "Think", "type": "code", "ms": 2000}, {}]
    async with dify(slow) as sim:
        chat = Chat(tmp_path, sim)
        async with chat.daemon() as runtime:
            await chat.say(runtime, "leave please")
            turn = await chat.send(runtime, "approve")
            while not any(form.action for form in sim.desk.forms.forms.values()):
                await anyio.sleep(0.01)
            assert not await runtime.drain(0.1)
        assert not sim.stopped
        async with chat.daemon() as runtime:
            assert await chat.answer(runtime, turn) == "decided: approve"
        assert starts(sim) == 1


async def test_a_run_that_was_not_read_in_time_is_read_by_who_answers_again(tmp_path: Path) -> None:
    slow = [ONE[0], SIDE_BY_SIDE[1]["branches"][0][0], {"title": "Think", "type": "code", "ms": 2500}, {}]
    async with dify(slow) as sim:
        chat = Chat(tmp_path, sim, timeout=1)
        async with chat.daemon() as runtime:
            await chat.say(runtime, "leave please")
            assert "decided" not in await chat.say(runtime, "approve")
        async with chat.daemon() as runtime:
            while "decided" not in (said := await chat.say(runtime, "2")):
                assert "already" not in said
            assert said == "decided: approve\n\nThat was answered already (Approve)."
        assert starts(sim) == 1
        assert not sim.stopped


async def test_inputs_reach_dify_and_other_messages_go_their_way(tmp_path: Path) -> None:
    async with dify(ONE) as sim:
        chat = Chat(tmp_path, sim)
        async with chat.daemon() as runtime:
            assert "Leave for Ann?" in await chat.say(runtime, "leave please")
            assert "decided:" in await chat.say(runtime, "Reason: holidays\napprove")
        (form,) = sim.desk.forms.forms.values()
        assert form.inputs == {"reason": "holidays"}
        assert starts(sim) == 1


async def test_a_form_whose_time_is_over_says_so(tmp_path: Path) -> None:
    async with dify(ONE) as sim:
        chat = Chat(tmp_path, sim)
        async with chat.daemon() as runtime:
            await chat.say(runtime, "leave please")
            (form,) = sim.desk.forms.forms.values()
            form.until = 0.0
            assert await chat.say(runtime, "approve") == "That form has expired."


async def test_a_word_stops_the_run_at_dify(tmp_path: Path) -> None:
    slow = [{"title": "Start", "type": "start"}, {"title": "Think", "type": "tool", "ms": 60_000}, {}]
    async with dify(slow) as sim:
        chat = Chat(tmp_path, sim)
        async with chat.daemon() as runtime:
            asked = await chat.send(runtime, "take your time")
            while not any(span.name == "Think" for t in runtime.dispatcher.under_way() for span in t.spans):
                await anyio.sleep(0.01)
            assert await chat.say(runtime, "停止") == "好的，已停止。"
            await chat.answer(runtime, asked)
        assert any(r.path.endswith("/stop") for r in sim.requests)
        assert starts(sim) == 1


async def test_a_question_of_coze_is_answered_by_the_next_message_and_a_choice_by_its_name(
    tmp_path: Path,
) -> None:
    flows = {
        "7301": {"asks": "Which city?", "answer": "Rain in {told}."},
        "7302": {"asks": "Sure?", "options": ["yes", "no"], "answer": "You said {told}."},
    }
    with anyio.fail_after(PATIENCE):
        async with simulated("coze", workflows=flows, strict=True) as sim:
            entry = {"type": "coze_workflow", "base_url": sim.base_url, "api_key": sim.settings.api_key}
            chat = Chat(tmp_path / "one", **entry, workflow_id="7301")
            async with chat.daemon() as runtime:
                assert await chat.say(runtime, "weather") == "Which city?"
            async with chat.daemon() as runtime:
                assert await chat.say(runtime, "Bonn") == "Rain in Bonn."
            chat = Chat(tmp_path / "two", **entry, workflow_id="7302")
            async with chat.daemon() as runtime:
                assert "2. no" in await chat.say(runtime, "delete it")
                assert await chat.say(runtime, "2") == "You said no."
            runs = [r for r in sim.requests if r.path.endswith("/stream_run")]
            assert len(runs) == 2


async def test_a_word_stops_a_chat_at_coze(tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        async with simulated("coze", tokens_per_second=5) as sim:
            entry = {"type": "coze", "base_url": sim.base_url, "api_key": "pat_fake"}
            chat = Chat(tmp_path, **entry, bot_id=sim.settings.model)
            async with chat.daemon() as runtime:
                asked = await chat.send(runtime, "a long story, please " * 10)
                while not any(k.endswith(":ids") for t in runtime.dispatcher.under_way() for k in t.memo):
                    await anyio.sleep(0.01)
                assert await chat.say(runtime, "/stop") == "好的，已停止。"
                await chat.answer(runtime, asked)
            assert any(r.path == "/v3/chat/cancel" for r in sim.requests)
