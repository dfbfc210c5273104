"""What operators see of workflows, and do about them."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from console_driver import Person, console
from console_fakes import FakeClock, FakeDaemon, turn_id
from console_sample import filled
from console_workflows import FAILED, RUN

from mindbot.api.calls import ApiCall
from mindbot.domain.errors import NotFound
from mindbot.domain.message import Json
from mindbot_tui.commands.run_workflow import RunDraft, read_run

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def daemon() -> FakeDaemon:
    return filled()


def posts(daemon: FakeDaemon) -> list[str]:
    return [path for path, _ in daemon.asked if path.startswith("POST")]


async def select(person: Person, name: str) -> None:
    """Go to the list of workflows and select one."""
    await person.press("8")
    await person.sees("── code_help ──")
    for _ in range(10):
        if f"── {name} ──" in person.screen:
            return
        await person.press("down")
        await person.pilot.pause()
    raise AssertionError(person.screen)


async def test_the_list_says_who_is_well_and_why_others_are_not(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock, size=(190, 40)) as person:
        await select(person, "退款")
        await person.sees("● ok", "812", "100%", "2.41s", "▃▃▃█▃▃▃▄", "93%", "1.2040", "split code_next 10%")
        await person.sees("◐ degraded", "1/2", "1+4", "app 主 open for 1:35 min: 504: 网关超时")
        await person.sees("◌ tripped", "401: the key is refused", "○ off", "switched off by an operator")
        await person.sees("41 examples, 2 patterns, priority 20, from 0.60 on", "1 of 1 now, 4 waiting")
        await person.sees(
            "40% of ratings", "120s at most, tries after the first: 1", "$ mindbot workflow list"
        )


@pytest.mark.full
async def test_times_run_down_between_two_answers(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await select(person, "退款")
        asked = daemon.asked.count(("GET /v1/workflows", {}))
        clock.now += 3
        await person.sees("open for 1:32 min")
        assert daemon.asked.count(("GET /v1/workflows", {})) == asked


@pytest.mark.full
async def test_one_is_opened_with_its_days_and_an_error_opens_its_turn(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    async with console(daemon, clock=clock, size=(130, 40)) as person:
        await select(person, "退款")
        await person.press("enter")
        await person.sees("Workflow 退款", "2026-09-21: 96 runs, 18 failed, 11 answered by")
        await person.sees("2026-09-20: 120 runs", "查询订单", "$ mindbot workflow show '退款'")
        assert "812 runs" not in person.screen
        await person.press("enter")
        await person.sees(f"Turn {turn_id(4)}")
        await person.press("escape")
        await person.sees("Workflow 退款")
        await person.press("down", "enter")
        await person.sees("rejected at", "node: 判断", "变量 order_id 为空")
        await person.press("escape", "c")
        await person.sees("copied status failed")


@pytest.mark.full
async def test_a_test_lists_what_was_found(daemon: FakeDaemon, clock: FakeClock) -> None:
    gate = anyio.Event()

    async def test(call: ApiCall[Any]) -> list[Json]:
        await gate.wait()
        return [{"name": "main: key", "state": "failed", "detail": "401", "mend": "renew dify_api_key"}]

    daemon.answers["POST /v1/workflows/code_help/test"] = test
    async with console(daemon, clock=clock) as person:
        await select(person, "code_help")
        await person.press("t")
        await person.sees("Test of code_help", "nothing is run", "$ mindbot workflow test code_help")
        gate.set()
        await person.sees("✗ main: key: 401", "→ renew dify_api_key")


@pytest.mark.full
async def test_a_run_by_hand_shows_its_nodes_as_a_tree(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["POST /v1/workflows/code_help/run"] = RUN
    async with console(daemon, clock=clock) as person:
        await select(person, "code_help")
        await person.press("r")
        await person.sees(" : run")
        await person.type("@lin +tone=kind sort a list")
        await person.press("enter")
        await person.sees("A run of code_help", "succeeded in 2.4s, 612 tokens", "├─ ✓ start", "└─ ✓ llm")
        await person.sees("检索 (knowledge-retrieval)   320ms", "2.0s  ━━━━━━━━━━━━━━━━━━━━")
        await person.sees("Use a list comprehension.", "workflow_run run-77")
        await person.sees("$ mindbot workflow run code_help 'sort a list' --user lin --input tone=kind")
        path, body = daemon.asked[-1]
        assert path == "POST /v1/workflows/code_help/run"
        assert body == {"text": "sort a list", "user": "lin", "inputs": {"tone": "kind"}, "timeout": 300.0}


@pytest.mark.full
async def test_a_run_whose_page_was_closed_says_in_passing_how_it_ended(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    gate = anyio.Event()

    async def run(call: ApiCall[Any]) -> Json:
        await gate.wait()
        return FAILED

    daemon.answers["POST /v1/workflows/code_help/run"] = run
    async with console(daemon, clock=clock) as person:
        await select(person, "code_help")
        await person.press("colon")
        await person.type("run hello")
        await person.press("enter")
        await person.sees("running; no user sees it")
        await person.press("escape")
        await person.sees_no("running; no user")
        gate.set()
        await person.sees("A run of code_help: failed in 90ms")
        daemon.answers["POST /v1/workflows/code_help/run"] = NotFound("workflows.code_help is off")
        await person.press("colon")
        await person.type("run hello")
        await person.press("enter")
        await person.sees("it did not run: workflows.code_help is off")


@pytest.mark.full
async def test_several_are_compared_by_one_text(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["POST /v1/workflows/compare"] = [RUN, FAILED]
    async with console(daemon, clock=clock) as person:
        await select(person, "code_help")
        await person.press("C")
        await person.sees(" : compare code_help,")
        await person.type("general sort a list")
        await person.press("enter")
        await person.sees("Compared: code_help, general", "── code_help ──", "── general ──", "✗ llm")
        await person.sees("$ mindbot workflow compare code_help general --text 'sort a list'")
        await person.press("escape", "colon")
        await person.type("compare code_help hello")
        await person.press("enter")
        await person.sees("a text compares two workflows or more")


@pytest.mark.full
async def test_one_is_switched_off_only_after_a_yes_and_on_again(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    rows = [dict(each) for each in daemon.answers["GET /v1/workflows"]]
    daemon.answers["GET /v1/workflows"] = rows

    def switch(call: ApiCall[Any]) -> Json:
        rows[0] |= {"state": "off"} if "disable" in call.path else {"state": "ok"}
        return rows[0]

    daemon.answers |= {f"POST /v1/workflows/code_help/{verb}": switch for verb in ("disable", "enable")}
    async with console(daemon, clock=clock) as person:
        await select(person, "code_help")
        await person.press("e")
        await person.sees("this workflow is on, and nothing of it is left alone")
        await person.press("d")
        await person.sees("Switch code_help off? The next of its chain answers in its place.")
        await person.press("enter")
        await person.sees_no("Switch code_help off?")
        assert not posts(daemon)
        await person.press("x")
        await person.sees("Switch code_help off?")
        await person.press("y")
        await person.sees("code_help is now: off", "$ mindbot workflow disable code_help")
        await person.press("x")
        await person.sees("this workflow is off")
        await person.press("s")
        await person.sees("code_help is now: ok", "$ mindbot workflow enable code_help")


@pytest.mark.full
async def test_who_may_only_look_is_told_why_keys_are_off(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["GET /v1/status"] = daemon.answers["GET /v1/status"] | {"role": "viewer"}
    async with console(daemon, clock=clock) as person:
        await person.sees("viewer")
        await select(person, "code_help")
        for key in ("t", "x", "s"):
            await person.press(key)
            await person.sees("this needs the role operator, you are viewer")
        for key in ("r", "C"):
            await person.press(key)
            await person.sees("nothing can be written here now: this needs the role operator")
            await person.press("escape")
            await person.sees_no("nothing can be written")
        assert not posts(daemon)
    async with console(filled(), clock=clock, readonly=True) as person:
        await select(person, "code_help")
        await person.press("r")
        await person.sees("this console is read-only")


@pytest.mark.full
async def test_its_turns_are_the_live_list_filtered(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await select(person, "退款")
        await person.press("f")
        await person.sees('workflow == "退款"', "$ mindbot turns 'workflow == \"退款\"'")
        await person.press("colon")
        await person.type("workflow general")
        await person.press("enter")
        await person.sees("Workflow general", "401: the key is refused")


@pytest.mark.full
async def test_an_empty_list_says_whether_there_is_nothing_or_nobody_to_ask(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    daemon.answers["GET /v1/workflows"] = []
    async with console(daemon, clock=clock, size=(80, 24)) as person:
        await person.sees("Where is my ord")
        await person.press("8")
        await person.sees("no workflows are configured")
        for key in ("t", "x", "f", "r"):
            await person.press(key)
            await person.sees("no workflow is selected")
        await person.press("escape", "1")
        await person.sees("Where is my ord")
        daemon.stop()
        await person.sees("detached")
        await person.press("8")
        await person.sees("no daemon is attached")


@pytest.mark.full
async def test_in_chinese_it_is_all_said_in_chinese(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["POST /v1/workflows/code_help/run"] = RUN
    async with console(daemon, clock=clock, language="zh", size=(160, 40)) as person:
        await select(person, "退款")
        await person.sees("◐ 降级", "主 熔断，还有 1:35 分钟: 504: 网关超时", "41 条示例", "○ 已关停")
        await person.press("up", "colon")
        await person.type("run hi")
        await person.press("enter")
        await person.sees("code_help 的一次运行", "成功，耗时 2.4s, 612 个令牌".replace(", ", "，"))


@pytest.mark.parametrize(
    ("text", "draft"),
    [
        ("hello", RunDraft("hello")),
        ("@lin +a=b +c= hello @x +y=z", RunDraft("hello @x +y=z", "lin", {"a": "b", "c": ""})),
        ("+1 is more", RunDraft("+1 is more")),
        ("@ home", RunDraft("@ home")),
        ("@lin", RunDraft("", "lin")),
        ("", RunDraft("")),
    ],
)
async def test_a_run_names_its_user_and_inputs(text: str, draft: RunDraft) -> None:
    assert read_run(text) == draft
