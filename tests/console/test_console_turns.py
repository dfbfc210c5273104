"""What operators see of one turn: while it runs, when it failed, when its answer did not arrive."""

from __future__ import annotations

import pytest
from console_driver import Person, console
from console_fakes import NOON, FakeClock, FakeDaemon
from console_sample import SAMPLE, filled, turn_view
from console_turns import failed, running, undelivered

from mindbot.domain.message import Json
from mindbot_tui.cells import clock as shown

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

RUNS = str(SAMPLE[11]["id"])


@pytest.fixture
def daemon() -> FakeDaemon:
    return filled()


async def opens(person: Person, id: object) -> None:
    await person.sees("谢谢")
    await person.press("colon")
    await person.type(f"open {id}")
    await person.press("enter")
    await person.sees(f"Turn {id}")


def tells(daemon: FakeDaemon, *events: Json) -> None:
    daemon.happen(*({"turn": RUNS, "ts": NOON, **event} for event in events))


@pytest.mark.full
async def test_a_turn_is_drawn_as_it_runs(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await opens(person, RUNS)
        await person.sees("▸ running", "3m43s", "waited for its place", "┅", "order_status ⊘")
        await person.sees("it left Hamburg")  # led to the answer that grows
        await person.finds(lambda: (("span", "chunk"), f'turn == "{RUNS}"') in daemon.subscribed)
        at = len(running(turn_view(11))["saying"])
        step = {"span": 15, "parent": 11, "kind": "tool", "name": "track_parcel"}
        tells(
            daemon,
            {"type": "chunk.text", "text": "yesterday.", "at": at},
            {"type": "span.opened", **step},
            {"type": "chunk.text", "turn": "another", "text": " Not mine.", "at": at + 10},
        )
        await person.sees("it left Hamburg yesterday.▌", "tool track_parcel", "━▶")
        await person.sees_no("Not mine")
        clock.now += 1.5
        await person.sees("3m44s", "tool track_parcel", "1.5s")
        known = daemon.answers[f"GET /v1/turns/{RUNS}"]
        known["saying"] += "yesterday."
        known["spans"].append({**step, "id": 15, "start": NOON, "took_ms": 1_500.0, "status": "cancelled"})
        tells(daemon, {"type": "span.closed", **step, "took_ms": 1_500.0, "status": "cancelled"})
        await person.sees("tool track_parcel ⊘")
        ended = {"state": "answered", "reply": "It left Hamburg yesterday.", "took_ms": 61_000.0}
        daemon.answers[f"GET /v1/turns/{RUNS}"] |= ended | {"deliveries": []}
        daemon.turn({**SAMPLE[11], "reply": "It left Hamburg yesterday.", "took": 61.0})
        await person.sees("✓ answered", "It left Hamburg yesterday.")


@pytest.mark.full
async def test_a_turn_that_runs_opens_at_the_step_that_runs(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock, size=(80, 24)) as person:
        await person.sees("谢谢")

        def at() -> int:
            view = person.app.turn_view
            step = view.rows.selected if view is not None else None
            return step.id if step is not None else 0

        for size in ((80, 24), (40, 10), (160, 48)):
            await person.resize(*size)
            await person.press("1", "end", "up", "enter")
            await person.sees(f"Turn {RUNS}", "it left Hamburg")
            await person.finds(lambda: at() == 14)
            assert person.app.turn_view is not None
            rows = person.app.turn_view.rows
            assert 0 <= rows.cursor - round(rows.scroll_y) < rows.page  # in sight
        await person.press("up")
        await person.finds(lambda: at() == 13)
        clock.now += 3.0  # it is asked about again
        await person.sees("3m46s")
        assert at() == 13  # where the reader went


@pytest.mark.full
async def test_a_turn_that_fails_while_it_is_looked_at_leads_to_the_cause(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    async with console(daemon, clock=clock) as person:
        await opens(person, RUNS)
        await person.sees("it left Hamburg ▌")
        await person.finds(lambda: any(topics == ("span", "chunk") for topics, _ in daemon.subscribed))
        daemon.answers[f"GET /v1/turns/{RUNS}"] = failed({**turn_view(11), "state": "failed", "took": 223.0})
        daemon.turn({**SAMPLE[11], "reason": "rate_limited: slow down", "took": 223.0}, "failed")
        await person.sees("✗ failed", "model openai ✗", "✗ rate_limited: the model asked us to slow down")
        await person.finds(lambda: daemon.streams == 1)  # the steps of others are told no longer


@pytest.mark.full
async def test_a_turn_that_waits_says_behind_whom(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock, size=(80, 24)) as person:
        await opens(person, SAMPLE[12]["id"])
        await person.sees("· queued", f"waits behind {SAMPLE[9]['id']} and 1 more", "┅▶")


@pytest.mark.full
async def test_a_failure_is_on_screen_first_and_once(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock, size=(80, 24)) as person:
        await opens(person, SAMPLE[4]["id"])
        await person.sees("✗ failed", "openai · gpt-4o-mini", "model openai ✗", "pipeline deliver … run")
        await person.sees("✗ rate_limited: the model asked us to slow down")
        assert person.screen.count("slow down") == 2  # in the head, and in the step that is selected
        assert person.app.view.rows is not None and person.app.view.rows.selected.name == "openai"
        await person.press("home", "space")
        await person.sees("classify", "compose", "deliver")
        await person.press("space")
        await person.sees("pipeline deliver … run")
        await person.press("down")
        await person.resize(40, 10)
        await person.sees("✗ failed", "openai", "rate_limited", "model openai ✗")


@pytest.mark.full
async def test_a_notice_of_a_failure_that_did_not_arrive_says_both(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    view = failed(turn_view(4))
    told = {"delivery": "undelivered", "undelivered": True, "delivery_error": "45047: no more answers"}
    daemon.answers[f"GET /v1/turns/{SAMPLE[4]['id']}"] = view | told
    async with console(daemon, clock=clock, size=(80, 24)) as person:
        await opens(person, SAMPLE[4]["id"])
        await person.sees("✗ failed  ✗ not delivered", "rate_limited: the model", "45047: no more answers")


@pytest.mark.full
async def test_an_answer_that_did_not_arrive_is_red_and_says_why(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    async with console(daemon, clock=clock, size=(80, 24)) as person:
        await opens(person, SAMPLE[7]["id"])
        await person.sees("✓ answered", "✗ not delivered", "45047: out of response count limit")
        await person.sees("delivery wecomcs/default ✗", "✗ 45047")


@pytest.mark.full
async def test_nothing_counts_on_once_the_daemon_is_away(clock: FakeClock) -> None:
    daemon = filled()
    view = running(turn_view(11))
    daemon.answers[f"GET /v1/turns/{view['id']}"] = view
    async with console(daemon, clock=clock, size=(160, 40)) as person:
        await person.sees("● attached", "▸")
        daemon.happen({"type": "stats.tick", "running": 2, "received_per_s": 3.0})
        await person.app.open_turn(view["id"])
        await person.press("v")
        await person.sees("▸ running", "3m43s", "▶", "typing …", "run 2")
        daemon.stop()
        gone = shown(NOON)
        await person.sees(f"3m43s  as of {gone}", f"typing · as of {gone}", f"detached  as of {gone}", "━?")
        clock.now = NOON + 300
        await person.sees("detached for 5m", "3m43s")
        await person.sees_no("▶", "▌", "8m43s", "typing …")
        await person.press("escape")
        await person.sees("3m43s")
        daemon.start_again()
        await person.sees("● attached", "8m43s")
        await person.sees_no("as of")


async def test_on_a_small_screen_an_undelivered_turn_says_its_model_first(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    view = undelivered(turn_view(7))
    daemon.answers[f"GET /v1/turns/{view['id']}"] = view
    async with console(daemon, clock=clock, size=(40, 10)) as person:
        await person.sees("Can I cha")
        await person.app.open_turn(view["id"])
        await person.sees("✗ not delivered", "openai", "45047")


async def test_what_is_left_unsent_does_not_stay_in_the_box(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("● attached", "谢谢")
        await person.press("s")
        await person.type("half a thought")
        await person.sees("half a thought")
        await person.press("escape")
        await person.sees_no("half a thought")
        await person.press("s", "up")
        await person.sees("half a thought")
