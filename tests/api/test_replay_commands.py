"""`mindbot replay` against a daemon: one turn side by side, many as a report."""

from __future__ import annotations

from typing import Any

import pytest
from cli_here import Run
from daemon_here import Running

from mindbot.api import calls, models, replay_calls
from mindbot.api.replay_models import ReplayTurn
from mindbot.domain.errors import Conflict
from mindbot.domain.message import Json
from mindbot.filters.fields import TURN_FIELDS
from mindbot.filters.language import parse

pytestmark = pytest.mark.anyio


async def a_turn(up: Running, text: str = "hi") -> str:
    return (await up.client.ask(calls.send(models.SendMessage(text=text)))).id


async def test_a_replay_is_shown_beside_its_original(up: Running, run: Run) -> None:
    turn = await a_turn(up)
    done = await run("replay", turn, "--set", "message.text=ho", "--from", "run", terminal=True)
    assert done.code == 0, done.err
    assert "a dry run: nothing was sent" in done.out and "as now" in done.out
    (answer,) = [line for line in done.out.splitlines() if line.startswith("answer")]
    assert answer.split(" ", 1)[1].split() == ["≠", "you", "said", "hi", "│", "you", "said", "ho"]
    assert "re-run    run" in done.out and "0.5 USD, 9 tokens" in done.out
    (found,) = (await run("replay", turn, "--recorded", "--as-then", "--json")).objects
    assert (found["of"], found["mode"], found["recorded"], found["same"]) == (turn, "then", True, True)


async def test_what_is_sent_is_asked_for(up: Running, run: Run) -> None:
    turn = await a_turn(up)
    assert (await run("replay", turn, "--send")).code == 2
    (found,) = (await run("replay", turn, "--send", "--yes", "--json")).objects
    assert found["dry_run"] is False


@pytest.mark.parametrize(
    "line", [("replay",), ("replay", "X", "--set", "nothing"), ("replay", "--last", "2", "--send")]
)
async def test_what_cannot_be_is_refused(run: Run, line: tuple[str, ...]) -> None:
    assert (await run(*line)).code == 2


async def test_one_that_is_not_waited_for_is_compared_later(up: Running) -> None:
    turn = await a_turn(up)
    made = await up.client.ask(replay_calls.replay(turn, ReplayTurn(wait=False)))
    assert made.of == turn and made.original.turn == ""
    assert (await up.client.ask(replay_calls.compared(made.turn))).original.turn == turn
    with pytest.raises(Conflict):
        await up.client.ask(replay_calls.compared(turn))


async def test_the_last_turns_make_a_report(up: Running, run: Run) -> None:
    for text in ("hi", "hi again", "another"):
        await a_turn(up, text)

    async def list_turns(*, filter: str = "", limit: int = 50, before: str = "") -> list[Json]:
        keep = parse(filter, TURN_FIELDS).compile()
        return [t for t in reversed(up.runtime.turns.values()) if keep({**t, "origin": "user"})][:limit]

    setattr(up.runtime, "list_turns", list_turns)  # noqa: B010 - users' turns, by what they say
    done = await run("replay", "--last", "5", "hi", "--json")
    *lines, end = done.objects
    assert (done.code, [line["verdict"] for line in lines]) == (0, ["same", "same"])
    summary: Any = end["summary"]
    assert (summary["turns"], summary["same"], summary["cost_now"]) == (2, 2, 1.0)
    done = await run("replay", "--last", "5", "hi", "--set", "message.text=ho", terminal=True)
    assert done.code == 1 and "2 turns: 0 same, 2 changed, 0 failed" in done.out
    done = await run("replay", "--last", "1", "--from", "nowhere", "--json")
    assert done.code == 1 and done.objects[0]["verdict"] == "failed"


async def test_a_session_is_forked(up: Running, run: Run) -> None:
    (found,) = (await run("session", "fork", "s", "--copy-conversations", "--json")).objects
    assert (found["session"], found["of"], found["conversations"]) == ("fork:1", "s", 1)
    done = await run("session", "fork", "s", terminal=True)
    assert "mindbot send TEXT --session fork:1" in done.out
    assert (await run("session", "fork", "nobody")).code == 1
