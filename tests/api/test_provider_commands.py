"""`mindbot provider`: what people see, what pipes get, what the exit code says."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from cli_here import Run
from daemon_here import Running

from mindbot.api import calls
from mindbot.domain.errors import Invalid
from mindbot.domain.spending import BILLION, DaySpent

pytestmark = pytest.mark.anyio


async def test_they_are_a_table_or_lines(run: Run) -> None:
    table = (await run("provider", "list", terminal=True)).out.splitlines()
    assert table[0].split()[:3] == ["PROVIDER", "TYPE", "STATE"]
    assert [line.split()[:3] for line in table[1:]] == [
        ["scripted", "scripted", "ok"],
        ["broken", "scripted", "ok"],
        ["unused", "scripted", "disabled"],
    ]
    rows = (await run("provider", "list")).objects
    assert [row["name"] for row in rows] == ["scripted", "broken", "unused"]


async def test_one_is_shown_and_one_that_is_not_there_names_those_that_are(run: Run) -> None:
    shown = await run("provider", "show", "scripted", terminal=True)
    assert shown.code == 0 and "models      tiny" in shown.out and "today       0 calls" in shown.out
    assert (await run("provider", "show", "scripted")).objects[0]["state"] == "ok"
    missing = await run("provider", "show", "nobody")
    assert missing.code == 1 and "scripted, broken, unused" in missing.err
    assert (await run("provider", "show", "a/b")).code == 1


async def test_a_test_says_what_the_model_does_and_what_it_was_not_asked(run: Run) -> None:
    done = await run("provider", "test", "scripted", terminal=True)
    steps = [line.split()[:2] for line in done.out.splitlines()]
    assert (done.code, steps) == (
        0,
        [["ok", "answer:"], ["ok", "stream:"], ["skipped", "tools:"], ["skipped", "images:"]],
    )
    failed = await run("provider", "test", "broken")
    assert failed.code == 1
    assert [(step["name"], step["state"]) for step in failed.objects] == [("answer", "failed")]


async def test_one_is_switched_off_and_on(run: Run) -> None:
    assert (await run("provider", "disable", "scripted", terminal=True)).out == "scripted: off\n"
    assert (await run("provider", "show", "scripted")).objects[0]["enabled"] is False
    assert (await run("provider", "enable", "scripted", terminal=True)).out == "scripted: ok\n"
    refused = await run("provider", "enable", "unused")
    assert refused.code == 1 and "providers.unused.enabled: true" in refused.err


async def test_models_and_what_they_can_do(run: Run) -> None:
    table = (await run("provider", "models", "scripted", terminal=True)).out.splitlines()
    assert table[1].split()[:4] == ["tiny", "yes", "-", "streaming"]
    asked = await run("provider", "models", "scripted", "--ask")
    assert asked.code == 1 and "does not tell its models" in asked.err


async def test_what_was_spent(run: Run, up: Running) -> None:
    assert (await run("provider", "usage", terminal=True)).out == "nothing was spent\n"
    today = date.today().isoformat()
    spent = DaySpent("user", "wecom/lin", today, 2, 100, 50, 10, 3 * BILLION // 1000)
    up.runtime.resources.providers._spending.count([spent])
    table = (await run("provider", "usage", "--by", "user", terminal=True)).out.splitlines()
    assert table[1].split()[:7] == [today, "wecom/lin", "2", "100", "10", "50", "0.0030"]
    assert (await run("provider", "usage", "--by", "user", "--days", "7")).objects[0]["output_tokens"] == 50
    few = DaySpent("provider", "scripted", today, 1, 4, 2, 0, 700)
    up.runtime.resources.providers._spending.count([few])
    assert "<0.0001 USD" in (await run("provider", "usage", terminal=True)).out
    for arguments in (["--by", "moon"], ["--days", "4000"]):
        assert (await run("provider", "usage", *arguments)).code == 1


async def test_what_was_spent_is_shown_whole_the_newest_first(run: Run, up: Running) -> None:
    days = [(date.today() - timedelta(days=n)).isoformat() for n in range(3)]
    spent = [DaySpent("user", f"wecom/{n:03}", day, 1) for day in days for n in range(700)]
    up.runtime.resources.providers._spending.count(spent)
    rows = (await run("provider", "usage", "--by", "user", "--days", "3")).objects
    assert [(row["day"], row["who"]) for row in rows] == [(each.day, each.who) for each in spent]
    page = await up.client.ask(calls.usage("user", 3, limit=2, after=f"{days[0]}/wecom/698"))
    assert [(row.day, row.who) for row in page] == [(days[0], "wecom/699"), (days[1], "wecom/000")]
    with pytest.raises(Invalid, match="no row"):
        await up.client.ask(calls.usage("user", 3, after="moon"))


async def test_a_client_reads_the_rows(up: Running) -> None:
    found = await up.client.ask(calls.provider("scripted"))
    assert found.keys[0].state == "ok" and found.circuits == []
    assert (await up.client.ask(calls.provider_models_of("scripted")))[0].name == "tiny"
