"""What operators see of where messages go, and do about it."""

from __future__ import annotations

from typing import Any

import pytest
from console_driver import console
from console_fakes import FakeClock, FakeDaemon, turn_id
from console_routes import DECISION, DEGRADED
from console_sample import filled, record

from mindbot.api.calls import ApiCall
from mindbot.domain.errors import Unreachable
from mindbot.domain.message import Json

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def daemon() -> FakeDaemon:
    return filled()


def posts(daemon: FakeDaemon) -> list[str]:
    return [path for path, _ in daemon.asked if path.startswith("POST")]


@pytest.mark.full
async def test_late_decisions_say_who_got_what_and_why(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock, size=(120, 40)) as person:
        await person.press("9")
        await person.sees("● ok", "compared by hashed", "no judge", "needs 0.50", "908 decided")
        await person.sees("the rule vip", "0.21", "nothing is lik", "$ mindbot route list")
        assert "ping" not in person.screen, "nothing was decided for that"
        await person.press("up")
        await person.sees(
            "to 退款, 0.83 sure", "similarity 0.71 █████████░░░", "asked in turn: 退款, general"
        )
        await person.sees("0.12 none  tell me a joke", "answered at last by general")
        daemon.turn(record(40, "wecom", "zoe", "sort it", workflow="code_help", route="like: sort a list"))
        await person.sees("like: sort")  # there is room for it below the last line
        assert "to 退款, 0.83 sure" in person.screen, "the reader stays where they are"
        await person.press("enter")
        await person.sees(f"Turn {turn_id(5)}")
        await person.press("escape", "end")
        await person.sees("zoe       code_help", "like: sort")


@pytest.mark.full
async def test_a_turn_shows_the_decision_the_attempts_and_their_nodes(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    async with console(daemon, clock=clock, size=(120, 40)) as person:
        await person.press("colon")
        await person.type(f"open {turn_id(5)}")
        await person.press("enter")
        await person.sees("rule classify", "workflow 退款", "node 检索 knowledge", "tool order_status")
        await person.press("right", "right", "right", "right")
        await person.sees("to 退款, 0.83 sure", "── route ──", '"workflow": "general"')


@pytest.mark.full
async def test_a_text_is_asked_about_without_being_sent(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["POST /v1/routes/explain"] = DECISION
    async with console(daemon, clock=clock, size=(80, 24)) as person:
        await person.press("9")
        await person.sees("908 decided", "where would this go, and why")
        await person.press("w")
        await person.type("@lin #wecom/sales where is it")
        await person.press("enter")
        await person.sees("Where this goes: where is it", "to 退款, 0.83 sure", "what is most like it")
        await person.press("escape")
        await person.sees("$ mindbot route explain 'where is it' --platform wecom --bot sales --user lin")
        path, body = daemon.asked[-1]
        assert path == "POST /v1/routes/explain"
        assert (body["text"], body["user"], body["platform"], body["bot"]) == (
            "where is it",
            "lin",
            "wecom",
            "sales",
        )
        await person.press("escape", "escape", "colon")
        await person.type("why and this")
        await person.press("enter")
        await person.sees("Where this goes: and this")


@pytest.mark.full
async def test_rules_and_corrections_are_lists_of_their_own(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock, size=(100, 30)) as person:
        await person.press("9")
        await person.sees("908 decided")
        await person.press("right")
        await person.sees("platform wecom; user alice, bob", "→ workflow general", "matched 41 times")
        await person.press("down")
        await person.sees("→ reply 请明天再来", "the configuration disables it")
        await person.press("a")
        await person.sees("no correction is selected")
        await person.press("right")
        await person.sees("── general → 退款: pending ──", "by dingtalk/李雷, feedback", "答非所问")
        await person.press("enter")
        await person.sees(f"Turn {turn_id(5)}")
        await person.press("escape")
        await person.press("left", "left")
        await person.sees("the rule vip")


@pytest.mark.full
async def test_corrections_are_accepted_and_reverted(daemon: FakeDaemon, clock: FakeClock) -> None:
    rows = [dict(each) for each in daemon.answers["GET /v1/routes/learned"]]
    daemon.answers["GET /v1/routes/learned"] = rows

    def review(call: ApiCall[Any]) -> Json:
        verdict = call.path.rpartition("/")[2]
        rows[0]["state"] = {"accept": "accepted", "reject": "rejected", "revert": "reverted"}[verdict]
        return rows[0]

    for verdict in ("accept", "reject", "revert"):
        daemon.answers[f"POST /v1/routes/learned/c2/{verdict}"] = review
    async with console(daemon, clock=clock, size=(100, 30)) as person:
        await person.press("9", "left")
        await person.sees("── general → 退款: pending ──")
        await person.press("u")
        await person.sees("only what was accepted is reverted")
        await person.press("a")
        await person.sees("general → 退款 is accepted", "── general → 退款: accepted ──")
        await person.press("a")
        await person.sees("this correction is accepted")
        await person.press("u")
        await person.sees("── general → 退款: reverted ──")
        await person.press("x")
        await person.sees("── general → 退款: rejected ──")
        assert posts(daemon) == [f"POST /v1/routes/learned/c2/{v}" for v in ("accept", "revert", "reject")]


@pytest.mark.full
async def test_a_turn_that_went_wrong_is_taught(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["POST /v1/routes/learned"] = {
        "id": "c3",
        "was": "general",
        "workflow": "退款",
        "state": "pending",
    }
    async with console(daemon, clock=clock, size=(100, 30)) as person:
        await person.press("9", "up")
        await person.sees("0.83 sure")
        await person.press("t")
        await person.sees(" : teach")
        await person.type("退款")
        await person.press("enter")
        await person.sees("general → 退款 is pending")
        assert daemon.asked[-3][0] == "POST /v1/routes/learned" or posts(daemon)
        body = next(body for path, body in daemon.asked if path == "POST /v1/routes/learned")
        assert (body["turn"], body["workflow"], body["text"]) == (turn_id(5), "退款", "")
        await person.press("colon")
        await person.type("teach none what a day")
        await person.press("enter")
        await person.finds(lambda: len(posts(daemon)) == 2)
        body = [body for path, body in daemon.asked if path == "POST /v1/routes/learned"][1]
        assert (body["turn"], body["workflow"], body["text"]) == ("", None, "what a day")


async def test_a_router_that_is_not_well_says_why(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["GET /v1/routes"] = DEGRADED
    async with console(daemon, clock=clock, size=(80, 24), language="zh") as person:
        await person.press("9")
        await person.sees("◐ 降级", "比较方式：仅模式", "the embedder does not answer: patterns only")


@pytest.mark.full
async def test_without_anything_to_show_it_says_so(daemon: FakeDaemon, clock: FakeClock) -> None:
    bare = FakeDaemon()
    bare.answers |= {"GET /v1/routes": {"state": "ok"}, "GET /v1/routes/learned": []}
    async with console(bare, clock=clock, size=(80, 24)) as person:
        await person.press("9")
        await person.sees("no message was routed yet")
        await person.press("t")
        await person.sees("no turn is selected")
        await person.press("escape", "right")
        await person.sees("no rules are configured")
        await person.press("right")
        await person.sees("nothing was corrected yet")
    daemon.answers["GET /v1/status"] = daemon.answers["GET /v1/status"] | {"role": "viewer"}
    async with console(daemon, clock=clock, size=(40, 10)) as person:
        await person.press("9", "left")
        await person.sees("退款")
        await person.finds(lambda: person.app.state.role == "viewer")
        for key in ("a", "x", "t", "w"):
            await person.press(key)
            await person.sees("this needs the")
            if key in "tw":  # where one would type, what is typed waits for Esc
                await person.press("escape")
        daemon.stop()
        daemon.answers["GET /v1/routes"] = Unreachable("away")
        await person.press("w")
        await person.sees("no daemon is attached")
        assert not posts(daemon)


async def test_without_a_daemon_no_list_says_that_nothing_happened(clock: FakeClock) -> None:
    daemon = filled()
    daemon.up = False
    async with console(daemon, clock=clock) as person:
        await person.press("9")
        await person.sees("no daemon is attached")
        await person.sees_no("no message was routed yet")
