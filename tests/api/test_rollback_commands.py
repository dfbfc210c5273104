"""The last exchanges of a conversation are forgotten by the command line: shown, asked for, taken back."""

from __future__ import annotations

import pytest
from cli_here import Run
from daemon_here import Running

from mindbot.api import calls, rollback_calls
from mindbot.api.models import SendMessage
from mindbot.api.rollback_models import RollBack
from mindbot.domain.errors import Conflict, NotFound

pytestmark = pytest.mark.anyio

SESSION = "console:default:mei"


@pytest.fixture
async def turns(up: Running) -> list[str]:
    orders = [SendMessage(text=text, user="mei", session=SESSION) for text in ("one", "two")]
    return [(await up.client.ask(calls.send(order))).id for order in orders]


async def test_exchanges_are_shown_and_forgotten_and_remembered_again(run: Run, turns: list[str]) -> None:
    shown = await run("session", "rollback", SESSION, "2", "--dry-run", terminal=True)
    assert shown.code == 0 and f"{turns[0]} mei\n  › one\n  ‹ you said one\n" in shown.out
    assert shown.out.endswith("these would be forgotten: 2 exchanges of console:default:mei\n")
    done = await run("session", "rollback", SESSION, "--yes", terminal=True)
    assert (
        "hr: its conversation is another one from now on" in done.out
        and "forgotten: 1 exchange of" in done.out
    )
    (told,) = (await run("session", "rollback", SESSION, "--yes")).objects
    assert told["session"] == SESSION and told["dry_run"] is False
    back = await run("session", "restore", SESSION, terminal=True)
    assert back.code == 0 and "remembered again: 1 exchange" in back.out


async def test_nobody_is_asked_where_nobody_is(run: Run, turns: list[str]) -> None:
    done = await run("session", "rollback", SESSION)
    assert done.code == 2 and "--yes" in done.err


async def test_it_says_why_not(up: Running, run: Run, turns: list[str]) -> None:
    done = await run("session", "rollback", "nobody", "--yes")
    assert done.code == 1 and "no session 'nobody'" in done.err
    with pytest.raises(NotFound):
        await up.client.ask(rollback_calls.restore("nobody"))
    with pytest.raises(Conflict, match="more was said since"):
        await up.client.ask(rollback_calls.roll_back(SESSION, RollBack(turns=turns[:1])))
