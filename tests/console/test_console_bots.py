"""What operators do about bots, and about the people who write to them."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from console_driver import console
from console_fakes import FakeClock, FakeDaemon
from console_sample import filled, turn_id

from mindbot.api.calls import ApiCall

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def daemon() -> FakeDaemon:
    return filled()


@pytest.mark.full
async def test_a_bot_that_fails_is_looked_into_and_mended(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["POST /v1/platforms/wecomcs/shop/test"] = [
        {
            "name": "access token",
            "state": "failed",
            "detail": "40001",
            "mend": "corpid and secret of this bot",
        },
        {"name": "callbacks", "state": "skipped", "detail": "none came yet"},
    ]
    daemon.answers["POST /v1/platforms/wecomcs/shop/restart"] = None
    async with console(daemon, clock=clock) as person:
        await person.sees("attached")
        await person.press("2")
        await person.sees("✗ failed", "1/2")
        await person.press("end")
        await person.sees("── wecomcs/shop ──", "mindbot platform test wecomcs/shop", "wkHelp, pulled never")
        await person.press("t")
        await person.sees("✗ access token: 40001", "→ corpid and secret of this bot", "○ callbacks")
        await person.press("escape", "r")
        await person.sees("Restart wecomcs/shop?")
        await person.press("y")
        await person.sees("restarting wecomcs/shop", "$ mindbot platform restart wecomcs/shop")


@pytest.mark.full
async def test_a_bot_is_stopped_only_after_a_yes_and_started_again(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    daemon.answers["POST /v1/platforms/wecom/default/stop"] = None
    daemon.answers["POST /v1/platforms/wecom/default/start"] = None
    bots = [dict(each) for each in daemon.answers["GET /v1/platforms"]]
    daemon.answers["GET /v1/platforms"] = bots
    async with console(daemon, clock=clock) as person:
        await person.press("2")
        await person.sees("◐ degraded")
        await person.press("down", "s")
        await person.sees("this bot is not stopped")
        await person.press("x")
        await person.sees("Stop wecom/default?")
        await person.press("enter")
        await person.sees_no("Stop wecom/default?")
        assert not [path for path, _ in daemon.asked if path.startswith("POST")]
        await person.press("x")
        await person.sees("Stop wecom/default?")
        bots[1] |= {"state": "stopped", "reason": "stopped by an operator"}
        await person.press("y")
        await person.sees("○ stopped", "mindbot platform start wecom/default")
        await person.press("s")
        await person.sees("starting wecom/default")


@pytest.mark.full
async def test_a_bot_writes_to_somebody(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["POST /v1/platforms/dingtalk/%E5%AE%A2%E6%9C%8D/push"] = lambda call: {
        "id": turn_id(30),
        "state": "answered",
        "deliveries": [
            {"state": "dead", "error": "no such user"} if call.body["user"] else {"state": "sent"}
        ],
    }
    async with console(daemon, clock=clock) as person:
        await person.press("2")
        await person.sees("◐ degraded")
        await person.press("down", "down", "m")
        await person.type("wang hello there")
        await person.press("enter")
        await person.sees("refused: no such user", "--user wang")
        await person.press("colon")
        await person.type("push #team hello all")
        await person.press("enter")
        await person.sees("sent to #team", "--group team")
        bodies = [body for asked, body in daemon.asked if asked.endswith("/push")]
        assert [(b["user"], b["group"], b["text"]) for b in bodies] == [
            ("wang", "", "hello there"),
            ("", "team", "hello all"),
        ]
        await person.press("colon")
        await person.type("push hello")
        await person.press("enter")
        await person.sees("push @USER TEXT")


@pytest.mark.full
async def test_a_push_says_that_it_is_on_its_way_and_takes_a_doubled_at(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    taken = anyio.Event()

    async def push(call: ApiCall[Any]) -> dict[str, Any]:
        await taken.wait()
        return {"id": turn_id(30), "state": "answered", "deliveries": [{"state": "sent"}]}

    daemon.answers["POST /v1/platforms/wecom/default/push"] = push
    async with console(daemon, clock=clock) as person:
        await person.press("2")
        await person.sees("◐ degraded")
        await person.press("down", "m")
        await person.type("@carl hello")
        await person.press("enter")
        await person.sees("pushing to @carl …")
        assert "sent to" not in person.screen
        taken.set()
        await person.sees("sent to @carl")
        await person.press("m")
        await person.type("#team hello all")
        await person.press("enter")
        await person.sees("sent to #team")
        bodies = [body for asked, body in daemon.asked if asked.endswith("/push")]
        assert [(b["user"], b["group"]) for b in bodies] == [("carl", ""), ("", "team")]


@pytest.mark.full
async def test_in_chinese_bots_and_their_tests_are_told_in_chinese(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    daemon.answers["POST /v1/platforms/wecom/default/test"] = [{"name": "access token", "state": "ok"}]
    async with console(daemon, clock=clock, language="zh") as person:
        await person.press("2")
        await person.sees("◐ 降级", "✗ 失败")
        await person.press("down")
        await person.sees(
            "正常（2 小时），自 ", "412，3 条重复，最近在 31 秒前", "/wecom/default/callback，监听 "
        )
        await person.press("t")
        await person.sees("✓ 访问令牌")
        await person.press("escape", "down")
        await person.sees("已连接（1 小时），建立次数 2", "卡片 3，切换 2", "12 秒前：90018: too fast")
        await person.press("down")
        await person.sees("wkHelp，上次拉取 从未")


async def test_the_sessions_say_in_which_group_and_how_much_may_still_be_said(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    first = daemon.answers["GET /v1/sessions"][0]
    daemon.answers["GET /v1/sessions"] = [
        {**first, "session": "a", "user": "kim", "chat": "team-blue", "left": None},
        {**first, "session": "b", "user": "lou", "chat": "lou", "left": 3},
    ]
    async with console(daemon, clock=clock) as person:
        await person.resize(100, 24)
        await person.press("3")
        await person.sees("team-blue", "LEFT")
        lines = person.screen.split("\n")
        (lou,) = [line.split() for line in lines if " lou " in line]
        assert lou[3:6] == ["lou", str(first["turns"]), "3"]


@pytest.mark.full
async def test_a_conversation_is_handed_over_where_there_are_people(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    session = "wecomcs:default:张伟"
    path = "POST /v1/sessions/wecomcs%3Adefault%3A%E5%BC%A0%E4%BC%9F/transfer"
    daemon.answers[path] = {"session": session, "state": "with a person", "servicer": "anna"}
    async with console(daemon, clock=clock) as person:
        await person.press("3")
        await person.sees("张伟")
        await person.press("h")
        await person.sees("nobody serves this platform beside the bot")
        at = [each["session"] for each in daemon.answers["GET /v1/sessions"]].index(session)
        await person.press("escape", *["down"] * at, "h")
        await person.sees("people, whoever is free")
        await person.type("anna")
        await person.press("enter")
        await person.sees(f"{session} is with a person: anna")
        assert dict(daemon.asked)[path] == {"to": "anna"}


@pytest.mark.full
async def test_who_may_only_look_stops_and_hands_over_nothing(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock, readonly=True) as person:
        await person.press("2")
        await person.sees("◐ degraded")
        await person.press("down", "t", "x", "m", "s")
        await person.sees("this console is read-only")
        await person.press("escape", "3")
        await person.sees("张伟")
        await person.press("h")
        await person.pilot.pause()
        assert not [path for path, _ in daemon.asked if path.startswith("POST")]


@pytest.mark.full
async def test_a_turn_tells_who_wrote_its_files_and_what_was_said_later(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("Where is my order")
        await person.press("home", "down", "enter")
        await person.sees("王小明", "title: 采购经理", "departments: 采购部, 华东区")
        await person.sees("订单.png  image/png  48 KB", "not there: the file is larger")
        await person.press("right", "right", "right")
        await person.sees("kind: stream", "card: card-77", "updates: 9", "── later ──", "content: 时间不对")
