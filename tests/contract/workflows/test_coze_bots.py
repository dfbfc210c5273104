"""Coze's bots as workflows, against the simulator: one conversation, no second start, named failures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import pytest
from coze_house import CozeHouse

from mindbot.domain.chat import Attachment, Usage
from mindbot.domain.errors import (
    AuthFailed,
    ContentFiltered,
    MindBotError,
    Overloaded,
    QuotaExceeded,
    Rejected,
    TimedOut,
)
from mindbot.http.client import HttpClient
from mindbot.sim.coze.oauth import private_key
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.waiting import PATIENCE

BOT = "7400000000000000000"
KEY = "pat_obviously_fake"

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def coze(
    *replies: Scripted, fault: Any = (), sim: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[tuple[Any, CozeHouse]]:
    asked = {"bot_id": BOT, "api_key": KEY, "max_retries": 1, **settings}
    with anyio.fail_after(PATIENCE):
        async with (
            simulated("coze", fault=fault, strict=True, api_key=KEY, **(sim or {})) as server,
            HttpClient() as http,
        ):
            server.script(*replies)
            yield server, CozeHouse(http, server.base_url, **asked)


def count(server: Any, path: str) -> int:
    return sum(recorded.path == path for recorded in server.requests)


async def test_a_session_has_one_conversation_also_over_a_restart() -> None:
    async with coze(Scripted("one"), Scripted("two"), Scripted("three")) as (server, house):
        first = await house.ask()
        assert first.text == "one"
        assert (first.last.finish, first.last.notes["starts"]) == ("stop", 1)
        assert isinstance(first.last.usage, Usage)
        house.restarted()
        assert (await house.ask()).text == "two"
        assert count(server, "/v1/conversation/create") == 1
        ids = {r.query.get("conversation_id") for r in server.requests if r.path == "/v3/chat"}
        assert len(ids) == 1
        assert (await house.ask(conversation="")).text == "three"
        assert count(server, "/v1/conversation/create") == 1, "a call of its own is in no session"


@pytest.mark.parametrize("fault", ["cut-stream:after=2", "end-early:after=2", "error-in-stream:after=2"])
async def test_a_stream_that_breaks_off_is_taken_up_by_its_id(fault: str) -> None:
    text = "one two three four five six seven eight nine ten"
    async with coze(Scripted(text), fault=fault) as (server, house):
        said = await house.ask()
        assert said.text == text
        assert said.last.notes["recovered"]
        assert count(server, "/v3/chat") == 1


async def test_another_process_takes_up_a_chat_by_what_the_turn_remembers() -> None:
    async with coze(Scripted("one two three four five six")) as (server, house):
        turn = house.turn()
        chunks = house.app.run(turn, house.call(turn))
        await anext(chunks)
        # What a killed process leaves: the memo, and a chat that goes on.
        server.rooms.cancel = lambda talk: None
        await chunks.aclose()
        house.restarted()
        turn.attempt = 2
        assert (await house.ask(turn)).text == "one two three four five six"
        assert count(server, "/v3/chat") == 1


@pytest.mark.full
async def test_a_start_whose_id_never_came_is_found_in_the_conversation() -> None:
    async with coze(Scripted("the answer")) as (server, house):
        turn = house.turn("a question")
        assert (await house.ask(turn)).text == "the answer"
        lost = house.turn("a question")
        lost.number = turn.number  # the same turn, of which the disk knows only that it asked
        lost.attempt = 2
        house.keep.values = {k: v for k, v in house.keep.values.items() if not k.startswith("run:")}
        lost.memo = {name: value for name, value in turn.memo.items() if name.endswith(":started")}
        said = await house.ask(lost)
        assert said.text == "the answer"
        assert said.last.notes["found"]
        assert count(server, "/v3/chat") == 1


async def test_who_leaves_early_cancels_the_chat() -> None:
    async with coze(Scripted("one two three four five"), sim={"tokens_per_second": 5}) as (server, house):
        turn = house.turn()
        async with aclosing(house.app.run(turn, house.call(turn))) as chunks:
            await anext(chunks)
        assert count(server, "/v3/chat/cancel") == 1


async def test_tools_are_steps_of_the_turn_and_files_are_uploaded() -> None:
    picture = Attachment("image", "image/png", "dot.png", data=b"\x89PNG\r\n\x1a\n")
    async with coze(Scripted("seen")) as (server, house):
        assert (await house.ask(None, picture)).text == "seen"
        assert count(server, "/v1/files/upload") == 1
        (chat,) = (r for r in server.requests if r.path == "/v3/chat")
        (message,) = chat.body["additional_messages"]
        assert message["content_type"] == "object_string"
        assert '"type":"image","file_id"' in message["content"]


async def test_a_bot_that_wants_local_tools_fails_and_says_so() -> None:
    call = {"name": "weather", "arguments": {}}
    async with coze(Scripted("", tool_calls=[call]), sim={"tools": ("weather",)}) as (_, house):
        turn = house.turn()
        with pytest.raises(Rejected, match=r"local tools \(weather\)"):
            await house.ask(turn)
        assert [span.name for span in turn.spans if span.kind == "tool"] == ["weather"]
        assert all(span.took >= 0 for span in turn.spans)


@pytest.mark.full
@pytest.mark.parametrize(
    ("fault", "error", "starts"),
    [
        ("4000", Rejected, 1),
        ("4019", QuotaExceeded, 1),
        ("4100", AuthFailed, 1),
        ("chat-failed:code=720702222", ContentFiltered, 1),
        ("5000", Overloaded, 2),
        ("chat-failed:code=5000", Overloaded, 2),
    ],
)
async def test_failures_have_their_kind_and_only_what_passes_is_tried_again(
    fault: str, error: type[MindBotError], starts: int
) -> None:
    async with coze(Scripted("x"), fault=f"{fault}@/v3/chat" if "chat" not in fault else fault) as (
        server,
        house,
    ):
        with pytest.raises(error):
            await house.ask()
        assert count(server, "/v3/chat") == starts


async def test_what_passed_is_answered_once_after_a_rest() -> None:
    rested: list[float] = []

    async def rest(seconds: float) -> None:
        rested.append(seconds)

    async with coze(Scripted("at last"), fault="5000:n=1@/v3/chat") as (_, house):
        said = await house.ask(rest=rest)
        assert len(rested) == 1
        assert said.text == "at last"
        assert said.last.notes["starts"] == 2


@pytest.mark.full
async def test_a_conversation_that_is_gone_is_begun_anew_once() -> None:
    async with coze(Scripted("one"), Scripted("two"), max_retries=0) as (server, house):
        await house.ask()
        server.rooms.clear()
        said = await house.ask()
        assert (said.text, said.last.notes["renewed"]) == ("two", True)
        assert count(server, "/v1/conversation/create") == 2


@pytest.mark.full
async def test_a_conversation_with_a_chat_in_progress_is_waited_for() -> None:
    async with coze(Scripted("one"), Scripted("two"), max_retries=0) as (server, house):
        await house.ask()
        (room,) = server.rooms.of_bot("")
        other = server.rooms.begin(room, BOT, "somebody", {}, saved=True)
        server.rooms.end_in(other, 0.3)
        said = await house.ask()
        assert said.text == "two"
        assert said.last.notes["waited"] >= 1


@pytest.mark.full
async def test_the_time_of_a_run_ends_it_at_coze() -> None:
    async with coze(Scripted("slow " * 50), sim={"tokens_per_second": 5}, timeout=0.5) as (server, house):
        with pytest.raises(TimedOut):
            await house.ask()
        assert count(server, "/v3/chat/cancel") == 1


@pytest.mark.full
async def test_an_oauth_app_shows_a_token_and_gets_another_when_it_is_revoked() -> None:
    oauth = {"api_key": private_key(), "app_id": "1180000000000", "key_id": "simulated-public-key"}
    async with coze(Scripted("one"), Scripted("two"), **oauth) as (server, house):
        assert (await house.ask()).text == "one"
        server.desk.revoke()
        assert (await house.ask()).text == "two"
        assert count(server, "/api/permission/oauth2/token") == 2


@pytest.mark.full
async def test_a_check_names_the_bot_or_what_to_mend() -> None:
    async with coze() as (_, house):
        assert [(c.name, c.state) for c in await house.app.check()] == [("bot", "ok")]
    async with coze(bot_id="7") as (_, house):
        (check,) = await house.app.check()
        assert (check.state, "bot_id" in check.mend) == ("failed", True)
