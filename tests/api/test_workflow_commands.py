"""`mindbot workflow`: what people see, what pipes get, what the exit code says."""

from __future__ import annotations

import pytest
from cli_here import Run

pytestmark = pytest.mark.anyio


async def test_they_are_a_table_or_lines(run: Run) -> None:
    table = (await run("workflow", "list", terminal=True)).out.splitlines()
    assert table[0].split()[:3] == ["WORKFLOW", "TYPE", "STATE"]
    rows = (await run("workflow", "list")).objects
    assert table[1].split()[0] == rows[0]["name"]


async def test_one_is_shown_and_one_that_is_not_there_names_those_that_are(run: Run) -> None:
    shown = await run("workflow", "show", "code", terminal=True)
    assert shown.code == 0 and "chosen by" in shown.out
    assert (await run("workflow", "show", "code")).objects[0]["name"] == "code"
    missing = await run("workflow", "show", "nobody")
    assert missing.code == 1 and "code" in missing.err


async def test_a_run_by_hand_shows_its_nodes_and_fails_where_they_do(run: Run) -> None:
    done = await run("workflow", "run", "code", "write a loop", "--input", "n=3", terminal=True)
    assert done.code == 0 and "code: " in done.out and "write a loop" in done.out
    failed = await run("workflow", "run", "general", "hello")
    assert failed.code == 1 and failed.objects[0]["status"] == "failed"
    wrong = await run("workflow", "run", "code", "hello", "--input", "n")
    assert wrong.code == 1 and "name=value" in wrong.err


async def test_several_are_compared(run: Run) -> None:
    both = await run("workflow", "compare", "code", "general", "--text", "hello")
    assert [each["workflow"] for each in both.objects] == ["code", "general"]
    assert "code: " in (await run("workflow", "compare", "code", "general", "-t", "hi", terminal=True)).out


async def test_what_was_answered_in_the_shadow_stands_beside_what_users_got(run: Run) -> None:
    lines = (await run("workflow", "compare", terminal=True)).out.splitlines()
    assert lines[1:] == ["  = general (300ms): good day", "  ~ code (320ms): you said hello"]
    (pair,) = (await run("workflow", "compare", "code")).objects
    assert pair["shadow"]["workflow"] == "code"
    assert (await run("workflow", "compare", "code", "general")).code == 1


async def test_one_is_switched_off_and_on(run: Run) -> None:
    assert (await run("workflow", "disable", "code", terminal=True)).out == "code: off\n"
    assert (await run("workflow", "enable", "code", terminal=True)).out == "code: ok\n"


async def test_what_they_did_what_a_text_means_and_whether_they_can_be_asked(run: Run) -> None:
    assert (await run("workflow", "stats", terminal=True)).out.startswith("DAY")
    assert (await run("workflow", "classify", "write python")).objects[0]["workflow"] == "code"
    tested = await run("workflow", "test", "code", terminal=True)
    assert tested.code == 1 and "mend: renew the key" in tested.out
