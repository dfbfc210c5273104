"""A run that breaks off is taken up, not started again: by its ids, or found where they never came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from dify_here import DifyHere, again, call, dify_here, heard

from mindbot.domain.chat import Attachment
from mindbot.domain.errors import MindBotError, Overloaded, TimedOut, Truncated
from mindbot.domain.turn import Turn
from mindbot.testing.waiting import PATIENCE
from mindbot.workflows.dify import recovery

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "LOOKS", (0.0, 0.05, 0.1))
    monkeypatch.setattr(recovery, "_SOONEST", 0.05)


KEEPERS = ("chat", "agent", "chatflow", "workflow")


@pytest.mark.full
@pytest.mark.parametrize("kind", KEEPERS)
@pytest.mark.parametrize("fault", ["cut-events:after=3", "end-events:after=2", "cut-events:after=1"])
async def test_a_stream_that_is_cut_is_taken_up(kind: str, fault: str) -> None:
    async with dify_here(fault=f"{fault}:n=1", latency=0.1, tokens_per_second=100.0) as here:
        said = await heard(here.app(kind).run(here.turn(), call()))
        assert said.text.count("hello") == 1
        assert here.starts() == 1
        assert said.notes["recovered"]
        assert said.text == next(iter(here.sim.runs.values())).said


@pytest.mark.full
@pytest.mark.parametrize("kind", KEEPERS)
@pytest.mark.parametrize("status", [504, 524])
async def test_a_gateway_that_gives_up_loses_nothing(kind: str, status: int) -> None:
    fault = f"gateway-504:50ms:status={status}:n=1"
    async with dify_here(fault=fault, latency=0.3) as here:
        said = await heard(here.app(kind).run(here.turn(), call()))
        assert said.text.count("hello") == 1
        assert here.starts() == 1
        assert said.notes["found"]


@pytest.mark.full
@pytest.mark.parametrize("kind", KEEPERS)
async def test_what_was_asked_and_never_heard_of_is_found(kind: str) -> None:
    """The connection goes before anything comes back, in a conversation and at its beginning."""
    async with dify_here(fault="cut-events:after=0:every=2") as here:
        here.sim.desk.rules = type(here.sim.desk.rules)(run_header=False, first_ping=False)
        app = here.app(kind)
        for _ in range(4):
            assert "hello" in (await heard(app.run(here.turn(), call()))).text
        assert here.starts() == 4


@pytest.mark.full
async def test_what_never_arrived_is_asked_again() -> None:
    async with dify_here(fault="drop:n=1@/chat-messages") as here:
        said = await heard(here.app().run(here.turn(), call()))
        assert "hello" in said.text
        assert here.starts() == 1
        assert said.notes["starts"] == 2


async def test_what_is_known_is_never_started_again() -> None:
    """A cut stream, a gateway that gave up before the first byte, a process that died: one run each."""
    faults = ["cut-events:after=4:n=1", "gateway-504:n=1@/chat-messages"]
    async with dify_here(fault=faults, latency=0.05) as here:
        app = here.app("chatflow")
        for number in (1, 2):
            said = await heard(app.run(here.turn(), call()))
            assert "hello" in said.text
            assert here.starts() == number
        turn = await _killed(here, app, 1)
        assert "hello" in (await heard(here.app("chatflow").run(turn, call()))).text
        assert here.starts() == 3


async def _killed(here: DifyHere, app: Any, pieces: int) -> Turn:
    """Run a turn whose process dies after so many pieces; nothing of what it does then reaches Dify."""
    turn = here.turn()
    stream = app.run(turn, call())
    then = None
    here.sim.faults.set(["drop@stop"])
    async with aclosing(stream):
        for _ in range(pieces):
            await anext(stream)
        then = again(turn)
    here.sim.faults.set([])
    here.sim.desk.stopped.clear()
    return then


@pytest.mark.full
@pytest.mark.parametrize("kind", KEEPERS)
@pytest.mark.parametrize("pieces", [1, 3])
async def test_another_process_takes_it_up(kind: str, pieces: int) -> None:
    async with dify_here(latency=0.1, tokens_per_second=50.0) as here:
        turn = await _killed(here, here.app(kind), pieces)
        said = await heard(here.app(kind).run(turn, call()))
        assert said.text == next(iter(here.sim.runs.values())).said
        assert here.starts() == 1


@pytest.mark.full
async def test_also_once_it_is_over(here_slow: DifyHere) -> None:
    turn = await _killed(here_slow, here_slow.app("chatflow"), 1)
    for run in here_slow.sim.runs.values():
        await run.ended()
    said = await heard(here_slow.app("chatflow").run(turn, call()))
    assert "hello" in said.text
    assert here_slow.starts() == 1


@pytest.fixture
async def here_slow() -> AsyncIterator[DifyHere]:
    async with dify_here(latency=0.1, tokens_per_second=50.0) as found:
        yield found


@pytest.mark.full
@pytest.mark.parametrize("kind", ["chat", "workflow"])
async def test_a_process_that_died_between_the_mark_and_the_ids_looks_first(kind: str) -> None:
    async with dify_here() as here:
        first = here.turn()
        memo: dict[str, Any] = {}
        await heard(here.app(kind).run(first, call()))
        memo = {key: value for key, value in first.memo.items() if key.endswith("started")}
        turn = again(first)
        turn.memo = memo
        assert "hello" in (await heard(here.app(kind).run(turn, call()))).text
        assert here.starts() == 1


@pytest.mark.full
@pytest.mark.parametrize("kind", KEEPERS)
@pytest.mark.parametrize("ids", [True, False])
async def test_what_the_memo_had_no_time_for_is_on_disk(kind: str, ids: bool) -> None:
    async with dify_here() as here:
        turn = here.turn()
        await heard(here.app(kind).run(turn, call()))
        if not ids:
            for kept in here.keep.values.values():
                kept.pop("ids", None)
        turn.memo.clear()
        assert "hello" in (await heard(here.app(kind).run(again(turn), call()))).text
        assert here.starts() == 1


@pytest.mark.full
async def test_an_older_server_that_saves_nothing_is_waited_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "UNSAVED", 0.2)
    async with dify_here(fault=["cut-events:after=2:n=1", "run-dies"], tokens_per_second=50.0) as here:
        with pytest.raises(Truncated, match="never saved"):
            await heard(here.app().run(here.turn(), call()))
        assert here.starts() == 1


@pytest.mark.full
async def test_completion_apps_may_run_twice() -> None:
    async with dify_here(fault="cut-events:after=1:n=1", tokens_per_second=50.0) as here:
        said = await heard(here.app("completion").run(here.turn(), call()))
        assert said.text.count("hello") == 1
        assert here.starts() == 2


@pytest.mark.full
@pytest.mark.parametrize("fault", ["gateway-504:50ms", "cut-events:after=1"])
@pytest.mark.parametrize("had_time", [False, True])
async def test_completion_apps_never_run_three_times(fault: str, had_time: bool) -> None:
    """Also where a process dies and the memo of its turn had no time to be written."""
    async with dify_here(fault=fault, latency=0.2, tokens_per_second=50.0) as here:
        app, turn = here.app("completion", max_retries=3), here.turn()
        with pytest.raises((Overloaded, Truncated)):
            await heard(app.run(turn, call()))
        assert here.starts() == 2
        then = again(turn)
        if not had_time:
            then.memo.clear()
        with pytest.raises(Truncated):
            await heard(app.run(then, call()))
        assert here.starts() == 2


@pytest.mark.full
async def test_a_completion_app_is_asked_once_more_after_a_crash() -> None:
    async with dify_here(fault="gateway-504:50ms:n=2", latency=0.2) as here:
        turn = here.turn()
        with pytest.raises(Overloaded):
            await heard(here.app("completion", max_retries=0).run(turn, call()))
        then = again(turn)
        then.memo.clear()
        with pytest.raises(Overloaded):
            await heard(here.app("completion", max_retries=3).run(then, call()))
        assert here.starts() == 2


@pytest.mark.full
async def test_leaving_early_stops_the_run() -> None:
    for kind in ("chat", "chatflow", "workflow", "completion"):
        async with dify_here(tokens_per_second=20.0) as here:
            stream = here.app(kind).run(here.turn(), call())
            async with aclosing(stream):
                await anext(stream)
            assert len(here.sim.stopped) == 1, kind


@pytest.mark.full
async def test_a_cancelled_run_is_stopped(here_slow: DifyHere) -> None:
    async with anyio.create_task_group() as tasks:
        stream = here_slow.app().run(here_slow.turn(), call())
        await anext(stream)

        async def rest() -> None:
            await heard(stream)

        tasks.start_soon(rest)
        await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    await stream.aclose()
    assert len(here_slow.sim.stopped) == 1


@pytest.mark.full
async def test_the_deadline_stops_it_too() -> None:
    async with dify_here(fault="run-hangs") as here:
        turn = here.turn()
        with pytest.raises(TimedOut):
            await heard(here.app("chatflow", timeout=0.5).run(turn, call()))
        assert len(here.sim.stopped) == 1
        assert here.starts() == 1
        then = again(turn)  # what was stopped is over
        here.sim.faults.set([])
        assert "hello" in (await heard(here.app("chatflow").run(then, call()))).text


async def test_a_key_that_was_replaced_is_looked_up_again() -> None:
    async with dify_here(strict=True, apps={"new": {"mode": "chat"}}) as here:
        here.secrets.found["app-old"] = "app-old"
        app = here.app(key="app-old")
        with pytest.raises(MindBotError):
            await heard(app.run(here.turn(), call()))
        here.secrets.found["app-old"] = "app-new"
        png = Attachment("image", "image/png", "a.png", data=b"x")
        assert "hello" in (await heard(app.run(here.turn(), call(files=(png,))))).text
        assert here.starts() == 1


@pytest.mark.full
async def test_what_an_earlier_process_stopped_on_its_way_out_is_started_again() -> None:
    async with dify_here(tokens_per_second=50.0) as here:
        app, turn = here.app("chatflow"), here.turn()
        async with aclosing(app.run(turn, call())) as stream:
            await anext(stream)
        assert len(here.sim.stopped) == 1
        turn.memo.pop("run:here:1:over")
        assert "hello" in (await heard(here.app("chatflow").run(again(turn), call()))).text
        assert here.starts() == 2


@pytest.mark.parametrize("verb", ["expired", "completed", "another user"])
@pytest.mark.parametrize("long_404", [False, True])
async def test_a_conversation_that_is_gone_is_begun_anew_once(verb: str, long_404: bool) -> None:
    async with dify_here() as here:
        here.sim.desk.rules = type(here.sim.desk.rules)(long_404=long_404)
        here.sim.desk.apps.define("chat-here", {"answer": "{turn}"})
        app = here.app()
        await heard(app.run(here.turn(), call()))
        for talk in list(here.sim.desk.talks.values()):
            match verb:
                case "expired":
                    del here.sim.desk.talks[talk.id]
                case "completed":
                    talk.status = "completed"
                case "another user":
                    talk.user = "somebody"
        said = await heard(app.run(here.turn(), call()))
        assert said.text == "1"
        assert said.notes["conversation"]
        assert (await heard(app.run(here.turn(), call()))).text == "2"


async def test_a_second_refusal_is_a_failure() -> None:
    async with dify_here() as here:
        app = here.app()
        await heard(app.run(here.turn(), call()))
        here.sim.faults.set(["404:code=not_found@/chat-messages"])
        with pytest.raises(MindBotError, match="Conversation Not Exists"):
            await heard(app.run(here.turn(), call()))
        assert here.sim.faults.describe()[0]["struck"] == 2


@pytest.mark.full
async def test_many_users_and_much_that_breaks() -> None:
    """Each message of each user gets its own answer once, and starts one run."""
    faults = [
        "cut-events:0.3:after=2",
        "end-events:0.2:after=4",
        "gateway-504:0.1:20ms",
        "lost-answer:0.05@/chat-messages",
        "502:0.05@/messages",
    ]
    async with dify_here(fault=faults, latency=0.05, tokens_per_second=200.0) as here:
        apps = {kind: here.app(kind, timeout=30) for kind in KEEPERS}
        answered: list[tuple[str, str]] = []

        async def user(number: int) -> None:
            for place, (kind, app) in enumerate(apps.items()):
                text = f"message {place} of user {number}."
                asked = call(text, user=f"user-{number}", conversation=f"session-{number}-{kind}")
                answered.append((text, (await heard(app.run(here.turn(text), asked))).text))

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as users:
                for number in range(20):
                    users.start_soon(user, number)
        assert len(answered) == 80
        assert all(said.count(text) == 1 for text, said in answered)
        assert here.starts() == 80


class Killed(BaseException):
    """The process dies."""


@pytest.mark.full
@pytest.mark.parametrize("kind", KEEPERS)
@pytest.mark.parametrize("place", [1, 2, 3])
@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("memo", [True, False])
async def test_a_process_may_die_at_each_write(kind: str, place: int, written: bool, memo: bool) -> None:
    """One run, one answer, and a conversation that goes on; whether or not the memo was written in time."""
    async with dify_here(latency=0.05, tokens_per_second=200.0) as here:
        put, count = here.keep.put, 0

        async def dying(key: str, value: Any, *, ttl: float = 0.0) -> None:
            nonlocal count
            count += 1
            if written or count < place:
                await put(key, value, ttl=ttl)
            if count == place:
                raise Killed

        here.keep.put = dying  # type: ignore[method-assign]
        here.sim.faults.set(["drop@stop"])
        turn = here.turn()
        try:
            await heard(here.app(kind).run(turn, call()))
        except Killed:
            turn = again(turn)
            if not memo:
                turn.memo.clear()
        here.keep.put = put  # type: ignore[method-assign]
        here.sim.faults.set([])
        app = here.app(kind)
        assert (await heard(app.run(turn, call()))).text.count("hello") == 1
        assert here.starts() == 1
        await heard(app.run(here.turn(), call("and then")))
        assert len({run.conversation for run in here.sim.runs.values()}) == 1


async def test_a_picture_is_said_once_with_its_address_also_where_the_stream_broke() -> None:
    async with dify_here(fault="cut-events:after=2:n=1", tokens_per_second=100.0) as here:
        drawn = {
            "mode": "chat",
            "pictures": ["/files/tools/p.png?sign=1"],
            "answer": "Here it is, dear user.",
        }
        here.sim.desk.apps.define("draws", drawn)
        for _ in range(2):
            said = await heard(here.app("chat", key="app-draws").run(here.turn(), call()))
            address = here.base_url.removesuffix("/v1") + "/files/tools/p.png?sign=1"
            assert said.text == f"Here it is, dear user.\n\n{address}"
        assert here.starts() == 2
