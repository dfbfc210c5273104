"""Attaching, losing the daemon, coming back, and what was lost on the way."""

from __future__ import annotations

import pytest
from console_driver import console
from console_fakes import NOON, FakeClock, FakeDaemon
from console_sample import SAMPLE, filled, record, turn_id

from mindbot.domain.errors import StoreBusy

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_without_a_daemon_it_says_how_to_start_one_and_attaches_when_it_is_there(
    clock: FakeClock,
) -> None:
    daemon = filled()
    daemon.up = False
    async with console(daemon, clock=clock) as person:
        await person.sees("No daemon.", "mindbot up", "● detached")
        daemon.start_again()
        await person.sees("● attached", "Where is my order")
        await person.sees_no("No daemon.")


async def test_a_restart_of_the_daemon_is_survived_and_nothing_is_missing_afterwards(
    clock: FakeClock,
) -> None:
    daemon = filled()
    async with console(daemon, clock=clock) as person:
        await person.sees("● attached", "谢谢")
        daemon.stop()
        await person.sees("detached for 0s")
        clock.now = NOON + 3
        await person.sees("detached for 3s: the daemon closed the stream", "Where is my order")
        missed = record(40, "wecom", "zoe", "came while away", reply="answered while away", took=0.2)
        ended = {**SAMPLE[11], "state": "answered", "reply": "done meanwhile", "took": 5.0}
        answered = [{**each, "took_ms": each["took"] * 1000} for each in (missed, ended)]
        daemon.answers["GET /v1/turns"] = [*answered, *daemon.answers["GET /v1/turns"]]
        daemon.start_again()
        await person.sees("● attached", "came while away", "done meanwhile")
        await person.sees_no("detached for")
        daemon.turn(record(41, "wecom", "zoe", "live again"), "running")
        await person.sees("live again")


@pytest.mark.full
async def test_a_list_that_cannot_be_brought_up_to_date_says_of_when_it_is(clock: FakeClock) -> None:
    daemon = filled()
    known = daemon.answers["GET /v1/sessions"]
    async with console(daemon, clock=clock) as person:
        await person.press("3")
        await person.sees("wecom:default:alice")
        await person.sees_no("as of")
        daemon.answers["GET /v1/sessions"] = StoreBusy("the store is locked")
        clock.now += 6
        await person.sees("as of 14:13:20: cannot ask: the store is locked", "wecom:default:alice")
        daemon.answers["GET /v1/sessions"] = known
        clock.now += 6
        await person.sees_no("as of")
        daemon.stop()
        await person.sees("as of 14:13:32 · detached for 0s", "wecom:default:alice")
        daemon.start_again()
        await person.sees_no("as of")


async def test_a_gap_is_told_and_healed(clock: FakeClock) -> None:
    daemon = filled()
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        lost = record(40, "wecom", "zoe", "lost on the way", reply="ok", took=0.2)
        daemon.answers["GET /v1/turns"] = [{**lost, "took_ms": 200}, *daemon.answers["GET /v1/turns"]]
        daemon.gap(1284)
        await person.sees("gaps 1 (1,284)", "lost on the way")
        await person.press("6")
        await person.sees("1,284 events lost on their way here")


async def test_a_list_never_sets_a_turn_back_that_events_have_taken_further(clock: FakeClock) -> None:
    daemon = filled()
    async with console(daemon, clock=clock) as person:
        await person.sees("And the other parcel?")
        daemon.turn({**SAMPLE[11], "reply": "newer than the list", "took": 1.0})
        await person.sees("newer than the list")
        daemon.gap(1)
        await person.finds(lambda: [path for path, _ in daemon.asked].count("GET /v1/turns") == 2)
        await person.sees("newer than the list")
        row = person.app.state.turns.get(turn_id(11))
        assert row is not None and row.state == "answered"


async def test_an_answer_that_was_cut_is_marked_in_the_list(clock: FakeClock) -> None:
    daemon = filled()
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        daemon.turn(
            record(40, "wecom", "zoe", "tell", reply="Once upon", reason="cut short: a limit", took=0.2)
        )
        await person.sees("(cut short) Once upon")


async def test_numbers_of_the_daemon_are_in_the_status_bar(clock: FakeClock) -> None:
    daemon = FakeDaemon()
    # The status asked for when the stream begins may be answered after the first tick: both say the same.
    status = daemon.answers["GET /v1/status"]
    status |= {"turns": {"running": 7, "queued": 250, "parked": 0, "waiting": 0}, "loop_lag_ms": 3.2}
    async with console(daemon, clock=clock, size=(120, 24)) as person:
        await person.sees("● attached")
        stats = {"received_per_s": 12.5, "answered_per_s": 11.0, "running": 7, "queued": 250}
        daemon.happen({"type": "stats.tick", **stats, "loop_lag_ms": 3.2})
        await person.sees("in 12.5/s", "out 11.0/s", "run 7 queue 250", "lag 3.2ms", "█")


async def test_events_nobody_knows_are_left_alone(clock: FakeClock) -> None:
    daemon = filled()
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        daemon.happen({"type": "future.thing", "what": [1, 2]}, {"type": "turn.moved", "turn": ""}, {})
        daemon.happen({"type": "turn.duplicate", "turn": turn_id(99), "text": "twice"})
        daemon.turn(record(50, "wecom", "zoe", "still alive"), "running")
        await person.sees("still alive")
        assert "twice" not in person.screen


async def test_health_and_reloads_are_told_in_the_log(clock: FakeClock) -> None:
    daemon = filled()
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        daemon.happen(
            {"type": "health.changed", "component": "store", "state": "failed", "reason": "no space left"},
            {"type": "config.reloaded", "generation": 4},
        )
        await person.press("6")
        await person.sees("store is failed: no space left", "configuration generation 4 is in use")
