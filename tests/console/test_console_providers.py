"""What operators see of model providers, and do about them."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import pytest
from console_driver import Person, console
from console_fakes import NOON, FakeClock, FakeDaemon
from console_sample import filled
from test_console_hostile import KINDS, deceives

from mindbot.api.calls import ApiCall
from mindbot.domain.errors import NotFound, Unreachable
from mindbot.domain.message import Json

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CHECKS: list[Json] = [
    {"name": "answer", "state": "ok", "detail": "first word after 0.41 s, 9 + 3 tokens"},
    {"name": "stream", "state": "failed", "detail": "it came in one piece", "mend": "set stream: false"},
    {"name": "images", "state": "skipped", "detail": "its name says that it cannot"},
]


@pytest.fixture
def daemon() -> FakeDaemon:
    return filled()


def posts(daemon: FakeDaemon) -> list[str]:
    return [path for path, _ in daemon.asked if path.startswith("POST")]


async def select(person: Person, name: str) -> None:
    """Go to the list of providers and select one."""
    await person.press("7")
    await person.sees("── openai ──")
    for _ in range(10):
        if f"── {name} ──" in person.screen:
            return
        await person.press("down")
        await person.pilot.pause()
    raise AssertionError(person.screen)


@pytest.mark.full
async def test_the_list_says_who_is_well_and_why_others_are_not(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock, size=(160, 30)) as person:
        await select(person, "智谱")
        await person.sees("● ok", "41/60", "98%", "0.41s", "▃▄▄█▃▄▄▆▄▄", "0.1085", "54%")
        await person.sees("◐ degraded", "1/2", "key 主账号 cooling for 2:34 min: 1302: 并发过高")
        await person.sees("◌ cooling", "key team disabled: authentication_error", "○ off")
        await person.sees("switched off by an operator", "$ mindbot provider list")
        await person.sees("glm-4-plus with 备用 half-open: the next call proves it", "1 of 8 now")


async def test_times_run_down_between_two_answers_and_an_event_brings_the_next(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    async with console(daemon, clock=clock) as person:
        await select(person, "智谱")
        asked = sum(path == "GET /v1/providers" for path, _ in daemon.asked)
        clock.now += 3
        await person.sees("主账号 cooling for 2:31 min")
        assert sum(path == "GET /v1/providers" for path, _ in daemon.asked) == asked
        found = [dict(each) for each in daemon.answers["GET /v1/providers"]]
        found[1] |= {"state": "ok", "keys": [{"label": "主账号", "state": "ok"}]}
        daemon.answers["GET /v1/providers"] = found
        daemon.happen({"type": "health.changed", "component": "provider 智谱", "state": "ok", "reason": ""})
        await person.sees("主账号 ok")
        await person.sees_no("cooling for")


@pytest.mark.full
async def test_a_screen_that_is_not_shown_asks_nothing(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.press("7")
        await person.sees("● ok")
        await person.press("1")
        await person.sees("Where is my order")
        asked = len([path for path, _ in daemon.asked if "providers" in path])
        clock.now += 60
        daemon.happen({"type": "health.changed", "component": "provider openai", "state": "degraded"})
        await person.finds(lambda: person.app.state.notices.count > 1)
        await person.pilot.pause(0.3)
        assert len([path for path, _ in daemon.asked if "providers" in path]) == asked


@pytest.mark.full
async def test_one_is_opened_and_an_error_of_it_whole(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await select(person, "anthropic")
        await person.press("enter")
        await person.sees("Provider anthropic", "team disabled: authentication_error", "auth_failed")
        await person.sees("$ mindbot provider show anthropic")
        await person.press("enter")
        await person.sees("auth_failed at 14:11:45", "model: claude-sonnet-4-5", "key: team")
        await person.sees("set providers.anthropic.api_key")
        await person.press("escape", "c")
        await person.sees("copied authentication_error")
        await person.press("escape")
        await person.sees("○ off")
        await person.press("c")
        await person.sees("copied anthropic")
        await person.press("colon")
        await person.type("provider openai")
        await person.press("enter")
        await person.sees("Provider openai", "503: try again later")


@pytest.mark.full
async def test_errors_come_the_newest_first_and_the_selected_one_stays(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    found = dict(daemon.answers["GET /v1/providers/openai"])
    found["errors"] = [{"ts": NOON - 60 + n, "kind": "overloaded", "why": f"error {n}"} for n in range(3)]
    daemon.answers["GET /v1/providers/openai"] = found
    async with console(daemon, clock=clock) as person:
        await select(person, "openai")
        await person.press("enter")
        await person.sees("error 2")
        whys = [line.split()[-1] for line in person.screen.split("\n") if " overloaded " in line]
        assert whys == ["2", "1", "0"]
        await person.press("down")
        newer = {"ts": NOON - 1, "kind": "auth_failed", "why": "error 9"}
        daemon.answers["GET /v1/providers/openai"] = found | {"errors": [*found["errors"], newer]}
        await person.press("ctrl+r")
        await person.sees("error 9")
        await person.press("enter")
        await person.sees("overloaded at", "error 1")


@pytest.mark.full
async def test_a_test_lists_its_steps_and_then_what_was_found(daemon: FakeDaemon, clock: FakeClock) -> None:
    gate = anyio.Event()

    async def test(call: ApiCall[Any]) -> list[Json]:
        await gate.wait()
        return CHECKS

    daemon.answers["POST /v1/providers/openai/test"] = test
    async with console(daemon, clock=clock) as person:
        await select(person, "openai")
        await person.press("t")
        await person.sees("Test of openai", "◌ answer", "◌ tools", "$ mindbot provider test openai")
        gate.set()
        await person.sees("✓ answer: first word after 0.41 s", "✗ stream: it came in one piece")
        await person.sees("→ set stream: false", "○ images")
        await person.press("escape", "colon")
        await person.type("test-provider gpt-4o")
        await person.press("enter")
        await person.sees("Test of openai gpt-4o", "$ mindbot provider test openai --model gpt-4o")
        assert ("POST /v1/providers/openai/test", {"model": "gpt-4o"}) in daemon.asked


@pytest.mark.full
async def test_a_test_whose_page_was_closed_says_in_passing_what_failed(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    gate = anyio.Event()

    async def test(call: ApiCall[Any]) -> list[Json]:
        await gate.wait()
        return CHECKS

    daemon.answers["POST /v1/providers/openai/test"] = test
    async with console(daemon, clock=clock) as person:
        await select(person, "openai")
        await person.press("t")
        await person.sees("◌ answer")
        await person.press("escape")
        await person.sees_no("◌ answer")
        gate.set()
        await person.sees("✗ stream: it came in one piece")


@pytest.mark.full
async def test_a_test_that_cannot_be_made_leaves_no_page_that_waits(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    daemon.answers["POST /v1/providers/local/test"] = NotFound("providers.local is off")
    async with console(daemon, clock=clock) as person:
        await select(person, "local")
        await person.press("t")
        await person.sees("nothing was found out: providers.local is off")


@pytest.mark.full
async def test_one_is_switched_off_only_after_a_yes_and_on_again(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    rows = [dict(each) for each in daemon.answers["GET /v1/providers"]]
    daemon.answers["GET /v1/providers"] = rows

    def switch(call: ApiCall[Any]) -> Json:
        rows[0] |= (
            {"state": "off", "enabled": False} if "disable" in call.path else {"state": "ok", "enabled": True}
        )
        return rows[0]

    daemon.answers |= {f"POST /v1/providers/openai/{verb}": switch for verb in ("disable", "enable")}
    async with console(daemon, clock=clock) as person:
        await select(person, "openai")
        await person.press("s")
        await person.sees("this provider is on, and nothing of it is left alone")
        await person.press("x")
        await person.sees("Switch openai off?")
        await person.press("enter")
        await person.sees_no("Switch openai off?")
        assert not posts(daemon)
        await person.press("x")
        await person.sees("Switch openai off?")
        await person.press("y")
        await person.sees("openai is now: off", "$ mindbot provider disable openai")
        await person.sees("state          off")
        await person.press("x")
        await person.sees("this provider is off")
        await person.press("s")
        await person.sees("openai is now: ok", "$ mindbot provider enable openai")


@pytest.mark.full
async def test_who_may_only_look_is_told_why_keys_are_off(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["GET /v1/status"] = daemon.answers["GET /v1/status"] | {"role": "viewer"}
    async with console(daemon, clock=clock) as person:
        await person.sees("viewer")
        await select(person, "openai")
        for key in ("t", "x", "s", "m"):
            await person.press(key)
            await person.sees("this needs the role operator, you are viewer")
        await person.press("enter")
        await person.sees("Provider openai")
        await person.press("x", "t")
        await person.pilot.pause()
        assert not posts(daemon)


@pytest.mark.full
async def test_its_turns_are_the_live_list_filtered(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await select(person, "openai")
        await person.press("f")
        await person.sees("Where is my order", "$ mindbot turns 'provider == \"openai\"'")
        await select(person, "智谱")
        await person.press("enter")
        await person.sees("Provider 智谱")
        await person.press("f")
        await person.sees("nothing matches", 'provider == "智谱"')


@pytest.mark.full
async def test_its_models_and_what_was_spent_are_pages(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["GET /v1/providers/openai/models"] = [
        {"name": "gpt-4o", "configured": True, "streaming": True, "tools": True, "max_context": 128_000},
        {"name": "whisper-1", "listed": True},
    ]
    spent = {"who": "openai", "day": "2026-09-21", "calls": 1204, "input_tokens": 482_113}
    daemon.answers["GET /v1/providers/usage"] = [{**spent, "money": 0.1085, "currency": "USD"}]
    async with console(daemon, clock=clock) as person:
        await select(person, "openai")
        await person.press("M")
        await person.sees(
            "Models of openai", "● gpt-4o", "streaming, tools, up to 128,000 tokens", "○ whisper-1"
        )
        await person.sees("$ mindbot provider models openai --ask")
        await person.press("escape", "u")
        await person.sees("Spent in 7 days, by provider", "1,204", "482,113", "0.1085 USD")
        daemon.answers["GET /v1/providers/usage"] = []
        await person.press("escape", "colon")
        await person.type("usage user")
        await person.press("enter")
        await person.sees("by user", "nothing was spent", "$ mindbot provider usage --by user --days 7")


@pytest.mark.full
async def test_an_empty_list_says_whether_there_is_nothing_or_nobody_to_ask(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    gate = anyio.Event()

    async def later(call: ApiCall[Any]) -> list[Json]:
        await gate.wait()
        return []

    daemon.answers["GET /v1/providers"] = later
    async with console(daemon, clock=clock) as person:
        await person.sees("attached")
        await person.press("7")
        await person.sees("asking the daemon …")
        gate.set()
        await person.sees("no providers are configured")
        await person.press("t")
        await person.sees("no provider is selected")
        await person.press("1")
        await person.sees("Where is my order")
        daemon.stop()
        await person.sees("detached")
        await person.press("7")
        await person.sees("no daemon is attached")
        daemon.answers["GET /v1/providers"] = Unreachable("away")
        await person.press("enter", "colon")
        await person.type("provider openai")
        await person.press("enter")
        await person.sees("Provider openai", "no daemon is attached")


@pytest.mark.full
async def test_in_chinese_it_is_all_said_in_chinese(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["POST /v1/providers/openai/test"] = CHECKS
    async with console(daemon, clock=clock, language="zh", size=(160, 30)) as person:
        await select(person, "智谱")
        await person.sees(
            "◐ 降级", "密钥 主账号 冷却中，还有 2:34 分钟", "半开：由下一次调用验证", "○ 已关停"
        )
        await person.press("up", "t")
        await person.sees("✓ 回答: first word", "✗ 流式回答")
        await person.press("escape", "x")
        await person.sees("关停 openai？")


@pytest.mark.full
@pytest.mark.parametrize("size", [(80, 24), (40, 10), (160, 48)])
async def test_what_vendors_and_names_hold_drives_nothing(
    daemon: FakeDaemon, clock: FakeClock, size: tuple[int, int]
) -> None:
    rows: list[Json] = []
    for n, each in enumerate((*KINDS, "E" * 10_000, "错" * 10_000)):
        name = f"p{n} {each[:80].replace('/', '-') or '界'}"
        error = {"ts": NOON - n, "kind": each[:200], "why": each, "key": each, "model": each}
        key = {"label": each[:300], "state": ["ok", "cooling", each][n % 3], "until": NOON + n, "why": each}
        rows.append(
            {
                "name": name,
                "type": each,
                "state": ["degraded", each][n % 2],
                "enabled": True,
                "models": [each, each],
                "keys": [key],
                "circuits": [{"key": each, "model": each, "state": "open", "why": each}],
                "latencies": [0.1, 1e9, 0.0],
                "latency": 1e9,
                "money_today": 1e12,
                "currency": each,
                "errors": [error],
            }
        )
    daemon.answers["GET /v1/providers"] = rows
    async with console(daemon, clock=clock, size=size) as person:
        await person.press("7")
        await person.sees("p0 ")
        for n, row in enumerate(rows):
            if n % 10 == 0 or n >= len(rows) - 2:
                daemon.answers = AboutOne(daemon.answers, row)
                for press, shows in WALK:
                    await person.press(press)
                    await person.finds(partial(in_front, person, shows))
                    await person.finds(lambda: person.app.view.provider)
                    assert not deceives(person.screen), (n, press, person.screen)
                    assert len(person.screen.split("\n")) == size[1]
            await person.press("down")
        assert person.app.is_running and person.app.view.view == "providers"


def in_front(person: Person, screen: str) -> bool:
    return type(person.app.screen).__name__ == screen


#: Through everything that shows a provider: a key, and the screen that is then in front.
WALK = [
    *(("enter", "ProviderScreen"), ("enter", "Page"), ("escape", "ProviderScreen"), ("c", "ProviderScreen")),
    *(("t", "Page"), ("escape", "ProviderScreen"), ("x", "Confirm"), ("escape", "ProviderScreen")),
    ("escape", "Providers"),
]


class AboutOne(dict[str, Any]):
    """Answers whatever is asked about one provider with this row."""

    def __init__(self, known: dict[str, Any], row: Json) -> None:
        super().__init__(known)
        self._row = row

    def get(self, key: str, default: Any = None) -> Any:
        if key.endswith("/test"):
            why = self._row["errors"][0]["why"]
            return [{"name": why, "state": why[:9], "detail": why, "mend": why}]
        return self._row if key.startswith("GET /v1/providers/") else super().get(key, default)
