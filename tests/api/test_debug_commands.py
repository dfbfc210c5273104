"""`mindbot debug`: what people see, what pipes get, what the exit code says, what is done."""

from __future__ import annotations

import anyio
import pytest
from cli_here import Done, Run
from daemon_here import Running
from fake_debugger import FakeDebugger
from test_cli_completion import offered

from mindbot.cli import completing
from mindbot.domain.events import Event
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


@pytest.fixture
def debugger(up: Running) -> FakeDebugger:
    found: FakeDebugger = up.runtime.resources.debugger
    return found


async def test_a_breakpoint_is_set_and_its_id_printed(run: Run, debugger: FakeDebugger) -> None:
    done = await run("debug", "break", "--stage", "run", "--when", 'text =~ "refund"', "--hits", "2")
    assert (done.code, done.out) == (0, "b1\n")
    assert 'stops turns before run where text =~ "refund"' in done.err and "mindbot debug list" in done.err
    whole = await run("debug", "break", "--step", "tool", "--after", "--lease", "1m30s", "--sticky", "--json")
    assert [whole.objects[0][k] for k in ("id", "on", "step", "lease", "sticky")] == [
        *("b2", "after", "tool", 90.0, True)
    ]
    assert not whole.err
    failed = await run("debug", "break", "--error", "rate_limited", "--error", "overloaded", "--json")
    assert failed.objects[0]["on"] == "error" and failed.objects[0]["errors"] == [
        "rate_limited",
        "overloaded",
    ]
    changed = await run("debug", "break", "--change", "route.workflow", "--json")
    assert (changed.objects[0]["on"], changed.objects[0]["path"]) == ("change", "route.workflow")
    log = await run("debug", "break", "--stage", "run", "--log", "to {route.workflow}")
    assert "tells of turns before run; see: mindbot debug watch" in log.err
    assert [each["hits"] for each in debugger.points()] == [2, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "say where"),
        (["--when", "text =~ x"], "say where"),
        (["--stage", "run", "--after", "--on-error"], "one of"),
        (["--stage", "run", "--lease", "soon"], "no duration"),
        (["--stage", "run", "--lease", "0"], "more than 0"),
        (["--stage", "run", "--hits", "0"], "--hits"),
        (["--stage", "run", "--when", "texxt =~ x"], "texxt"),
    ],
)
async def test_a_breakpoint_that_makes_no_sense_is_wrong_usage(
    run: Run, debugger: FakeDebugger, options: list[str], said: str
) -> None:
    done = await run("debug", "break", *options)
    assert done.code == 2 and said in done.err and not debugger.points()


async def test_a_stage_that_there_is_not_is_refused_by_the_daemon(run: Run, debugger: FakeDebugger) -> None:
    done = await run("debug", "break", "--stage", "rnu")
    assert done.code == 1 and "did you mean run" in done.err and not debugger.points()


async def test_breakpoints_and_parked_turns_are_two_tables_or_one_object(
    run: Run, debugger: FakeDebugger
) -> None:
    empty = await run("debug", "list", terminal=True)
    assert empty.out.split("\n") == ["no breakpoints", "", "no turn is parked", ""]
    assert "mindbot debug break" in empty.err
    await run("debug", "break", "--stage", "run")
    stands = debugger.stop("alice", "I want a refund")
    shown = await run("debug", "list", terminal=True)
    points, turns = shown.out.split("\n\n")
    assert points.splitlines()[0].split()[:3] == ["ID", "STATE", "STOPS"]
    assert "before run" in points and "I want a refund" in turns and stands["turn"] in turns
    assert f"mindbot debug show {stands['turn']}" in shown.err
    found = (await run("debug", "list")).objects
    assert [each["id"] for each in found[0]["breakpoints"]] == ["b1"]  # type: ignore[attr-defined]
    assert [each["turn"] for each in found[0]["parked"]] == [stands["turn"]]  # type: ignore[attr-defined]


async def test_a_parked_turn_is_shown_as_a_call_stack_with_its_values(
    run: Run, debugger: FakeDebugger
) -> None:
    turn = debugger.stop("alice", "I want a refund")["turn"]
    shown = await run("debug", "show", turn[-4:].lower(), terminal=True)
    lines = shown.out.splitlines()
    assert lines[0].startswith(f"{turn}  parked before run (breakpoint b1), goes on by itself in ")
    assert "  deliver" in lines and "    run  ◄ before" in lines
    assert any(line.split() == ["*text", "I", "want", "a", "refund"] for line in lines)
    assert any(line.split() == ["sender", "alice"] for line in lines)
    assert "revision 1; * may be set" in lines
    assert f"mindbot debug step {turn}" in shown.err
    (found,) = (await run("debug", "show", turn)).objects
    assert found["turn"] == turn and found["lease_left"] and found["scopes"]
    alone = await run("debug", "show", turn, "message.text", terminal=True)
    assert alone.out == "I want a refund\n"
    prompt = await run("debug", "show", turn, "prompt")
    assert prompt.objects == [[{"role": "user", "content": "I want a refund"}]]
    missing = await run("debug", "show", turn, "message.colour")
    assert missing.code == 1 and "message.text" in missing.err


async def test_a_value_is_set_as_what_it_is(run: Run, debugger: FakeDebugger) -> None:
    turn = debugger.stop("alice", "I want a refund")["turn"]
    done = await run("debug", "set", turn, "message.text", "42", terminal=True)
    assert done.out == f"{turn}  message.text: I want a refund → 42\n" and "revision 2" in done.err
    await run("debug", "set", turn, "variables.count", "42")
    await run("debug", "set", turn, "variables.mood", "cross")
    scopes = debugger.values(turn)
    assert (scopes["message"]["text"], scopes["variables"]) == ("42", {"count": 42, "mood": "cross"})
    late = await run("debug", "set", turn, "message.text", "late", "--revision", "1")
    assert late.code == 1 and "revision" in late.err
    wrong = await run("debug", "set", turn, "message.sender", "bob")
    assert wrong.code == 1 and "message.text" in wrong.err
    assert scopes["message"] == {"text": "42", "sender": "alice"}


async def test_steps_say_where_the_turn_stands_then(run: Run, debugger: FakeDebugger) -> None:
    turn = debugger.stop("alice", "hello")["turn"]
    done = await run("debug", "step", turn, terminal=True)
    assert done.code == 0 and done.out.startswith(f"{turn}  parked after run, goes on by itself in ")
    assert f"mindbot debug show {turn}" in done.err
    (stands,) = (await run("debug", "restart-stage", turn, "--stage", "run")).objects
    assert (stands["on"], stands["reason"]) == ("before", "restart-stage")
    (stands,) = (await run("debug", "step-in", turn)).objects
    assert (stands["kind"], stands["name"]) == ("model", "scripted")
    ended = await run("debug", "step-out", turn, terminal=True)
    assert ended.out == f"{turn}  answered\n" and f"mindbot trace {turn}" in ended.err
    assert debugger.done == [
        *((turn, action) for action in ("step", "restart-stage run", "step-in", "step-out"))
    ]


async def test_a_step_that_takes_long_is_said_to(run: Run, debugger: FakeDebugger) -> None:
    turn = debugger.stop("alice", "hello")["turn"]
    debugger.slow = True
    done = await run("debug", "step", turn, "--timeout", "0.1")
    assert done.code == 4 and "running" in done.err and "mindbot debug list" in done.err
    turn = debugger.stop("bob", "hello")["turn"]
    done = await run("debug", "step", turn, "--timeout", "0")
    assert done.code == 0 and done.objects[0]["turn"] == turn


async def test_turns_go_on_one_or_all(run: Run, debugger: FakeDebugger) -> None:
    first, second, third = (debugger.stop(user, "hello")["turn"] for user in ("alice", "bob", "carol"))
    done = await run("debug", "resume", first, terminal=True)
    assert done.out == f"{first}  goes on; it stood before run\n"
    done = await run("debug", "resume", "--all", terminal=True)
    assert done.out == f"{second}  goes on\n{third}  goes on\n"
    assert (await run("debug", "resume", "--all", terminal=True)).out == "no turn is parked\n"
    for wrong in ([], [first, "--all"]):
        assert (await run("debug", "resume", *wrong)).code == 2
    gone = await run("debug", "resume", first)
    assert gone.code == 1 and "not parked" in gone.err


async def test_an_answer_of_ones_own_and_a_drop(run: Run, debugger: FakeDebugger) -> None:
    alice, bob = (debugger.stop(user, "hello")["turn"] for user in ("alice", "bob"))
    assert (await run("debug", "answer", alice, " ")).code == 2
    done = await run("debug", "answer", alice, "In person.", terminal=True)
    assert "answers in your words" in done.out
    assert "dropped" in (await run("debug", "drop", bob, terminal=True)).out
    assert debugger.done == [(alice, "answer In person."), (bob, "drop")]


async def test_signs_that_name_several_turns_or_none_do_nothing(run: Run, debugger: FakeDebugger) -> None:
    first, second = (debugger.stop(user, "hello")["turn"] for user in ("alice", "bob"))
    several = await run("debug", "drop", first[:4])
    assert several.code == 1 and first in several.err and second in several.err
    for none in ("ZZZZ", first[-2:], ""):
        assert (await run("debug", "drop", none)).code == 1
    assert not debugger.done


async def test_breakpoints_are_switched_and_cleared(run: Run, debugger: FakeDebugger) -> None:
    for _ in range(3):
        await run("debug", "break", "--stage", "run")
    assert (await run("debug", "disable", "b1", terminal=True)).out == "b1  off: before run\n"
    assert (await run("debug", "enable", "b1", terminal=True)).out == "b1  on: before run\n"
    debugger.stop("alice", "hello")
    done = await run("debug", "clear", "b2", terminal=True)
    assert done.out == "b2  cleared\n" and "mindbot debug resume --all" in done.err
    assert (await run("debug", "clear", "--all")).objects == [{"ids": ["b1", "b3"]}]
    assert (await run("debug", "clear", "--all", terminal=True)).out == "no breakpoints\n"
    gone = await run("debug", "clear", "b2")
    assert gone.code == 1 and "b2" in gone.err
    for wrong in ([], ["b1", "--all"]):
        assert (await run("debug", "clear", *wrong)).code == 2


async def test_what_the_debugger_does_is_followed(run: Run, up: Running, debugger: FakeDebugger) -> None:
    told = [
        Event("turn.parked", "07T", {"at": "before run", "user": "alice", "text": "hi", "lease_until": 2e9}),
        Event("debug.edited", "07T", {"path": "message.text", "revision": 1, "by": "cli"}),
        Event("debug.log", "07T", {"breakpoint": "b2", "text": "to research"}),
        Event("turn.resumed", "07T", {"by": "cli", "action": "step"}),
    ]
    found: list[Done] = []

    async def watch() -> None:
        found.append(await run("debug", "watch", "--limit", str(len(told)), terminal=True))

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            while not up.runtime.bus.wants("debug"):
                await anyio.sleep(0.01)
            for event in told:
                up.runtime.bus.publish(event)
    lines = [line.split(maxsplit=2) for line in found[0].out.splitlines()]
    assert all(turn == "07T" for _, turn, _ in lines)
    assert [what.split(",")[0] for *_, what in lines] == [
        *("parked before run", "changed message.text", "b2: to research", "goes on: step by cli")
    ]


async def test_a_shell_is_offered_what_there_is(
    run: Run,
    up: Running,
    debugger: FakeDebugger,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(completing, "_PATIENCE", PATIENCE)
    await run("debug", "break", "--stage", "run")
    turn = debugger.stop("alice", "hello")["turn"]
    for line, among in {
        "debug clear ": "b1",
        "debug break --stage ru": "run",
        "debug break --step to": "tool",
        "debug show ": turn,
        f"debug set {turn} message.": "message.text",
    }.items():
        assert among in await offered(capsys, up.socket, line), line
