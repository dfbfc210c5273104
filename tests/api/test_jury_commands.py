"""`mindbot debug jury` against a daemon: answers one after the other, what each took and cost."""

from __future__ import annotations

import pytest
from cli_here import Run
from daemon_here import Running

from mindbot.api import calls, models

pytestmark = pytest.mark.anyio


async def test_what_each_would_answer_is_printed(up: Running, run: Run) -> None:
    turn = (await up.client.ask(calls.send(models.SendMessage(text="hi")))).id
    done = await run(
        "debug", "jury", turn, "--workflow", "general", "--model", "scripted/tiny", terminal=True
    )
    assert done.code == 0, done.err
    heads = [line for line in done.out.splitlines() if not line.startswith(" ")]
    assert [head.split()[0] for head in heads] == ["general", "scripted/tiny"]
    assert "0.5 USD, 9 tokens" in heads[0]
    assert done.out.count("  you said hi") == 2
    (found,) = (await run("debug", "jury", turn, "--model", "scripted", "--json")).objects
    assert found["turn"] == turn
    assert [each["juror"] for each in found["verdicts"]] == ["scripted"]


async def test_a_jury_has_members(up: Running, run: Run) -> None:
    assert (await run("debug", "jury", "X")).code == 2


async def test_a_jury_about_no_turn_says_so_for_each(up: Running, run: Run) -> None:
    (found,) = (await run("debug", "jury", "06AA0000000000000000000000", "--model", "a", "--json")).objects
    assert "no turn" in found["verdicts"][0]["error"]
