"""`mindbot replay` against a daemon: one turn side by side, many as a report."""

from __future__ import annotations

import pytest
from cli_here import Run
from daemon_here import Running

from mindbot.api import calls, models, replay_calls
from mindbot.api.replay_models import ReplayTurn
from mindbot.domain.errors import Conflict

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
