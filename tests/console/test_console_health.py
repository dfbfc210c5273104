"""An outage is on every screen, in words, and leads to its cause."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from console_bots import health
from console_driver import Person, console
from console_fakes import NOON, FakeClock, FakeDaemon
from console_sample import filled
from rich.cells import cell_len

from mindbot_tui.state.console import ConsoleState
from mindbot_tui.surface import Surface
from mindbot_tui.toasts import Toasts
from mindbot_tui.widgets.frame import StatusBar
from mindbot_tui.words import Words

pytestmark = pytest.mark.anyio

DOWN = {"bot wecomcs/shop": "failed", "bot wecom/default": "failed", "provider openai": "degraded"}
OUTAGE = health(undelivered=3, dead=6, failed=12, ended=12, **DOWN)


def suffering() -> FakeDaemon:
    """Return a daemon with two bots down and its provider failing."""
    daemon = filled()
    daemon.answers["GET /v1/status"]["health"] = OUTAGE
    return daemon


async def bar(person: Person, *texts: str) -> None:
    """Wait until the status bar says all of these."""
    for text in texts:
        await person.sees_at(-2, text)


@pytest.mark.full
async def test_an_outage_is_on_every_screen_and_attached_is_not_green() -> None:
    async with console(suffering(), clock=FakeClock()) as person:
        said = "✗ 2 bots down · openai degraded · 100 % failing · 3 undelivered · 6 dead"
        await bar(person, said, "● attached")
        for key in ("2", "3", "4", "5", "6", "7", "8", "9", "E", "question_mark"):
            await person.press(key)
            await bar(person, said)
        await person.press("1", "home", "enter")
        await bar(person, said)
        for width, rest in (
            (80, "✗ 2 bots down · openai degraded · 100 % failing · 3 undelivered"),
            (40, "✗ 2 bots down · openai degraded +3"),
        ):
            await person.resize(width, 24 if width == 80 else 10)
            await bar(person, rest)


@pytest.mark.full
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_bar_says_whole_words_or_none(language: str) -> None:
    async with console(suffering(), clock=FakeClock(), language=language, readonly=True) as person:
        await bar(person, "●")
        line = person.app.view.query_one(StatusBar)
        for width in range(28, 160):
            said = "".join(text for text, _ in line.pieces(width))
            assert cell_len(said) <= width and "…" not in said, (width, said)


@pytest.mark.full
async def test_what_is_wrong_leads_to_its_cause() -> None:
    daemon = suffering()
    async with console(daemon, clock=FakeClock()) as person:
        await bar(person, "2 bots down")
        await person.press("exclamation_mark")
        await person.sees("── wecomcs/shop ──", "40001: invalid credential")
        await person.clicks("100 % failing")
        await person.sees("state in [failed, dead]", "2/13")
        await person.clicks("6 dead")
        await person.sees("Dead letters", "请提供公司名称和税号")
        await person.clicks("openai degraded")
        await person.sees("Providers", "── openai ──")
        await person.clicks("3 undelivered")
        await person.sees("Turns", "undelivered")
        await person.press("colon")
        await person.type("health")
        await person.press("enter")
        await person.sees("12 of 12 turns failed in the last 5 min", "── provider openai · degraded 12 s ──")


async def test_health_follows_events_which_stay_in_the_consoles_own_log() -> None:
    daemon = filled()
    daemon.answers["GET /v1/status"]["health"] = health()
    async with console(daemon, clock=FakeClock()) as person:
        await bar(person, "● attached")
        await person.sees_no("✗ 2 bots")
        for n in range(10):
            event = {"component": f"bot wecom/b{n}", "state": "failed", "reason": "no answer"}
            daemon.happen({"type": "health.changed", **event})
        parts = {f"bot wecom/b{n}": "failed" for n in range(10)}
        daemon.answers["GET /v1/status"]["health"] = health(dead=1, **parts)
        daemon.happen({"type": "health.summary", **health(dead=1, **parts)})
        await bar(person, "✗ 10 bots down · 1 dead")
        await person.press("E")
        await person.sees("Events", "bot wecom/b3 is failed: no answer", "dead letters: 1")
        await person.press("slash")
        await person.type("b3")
        await person.press("enter")
        await person.sees("1/12", "bot wecom/b3")
        await person.sees_no("bot wecom/b4 is")
        await person.press("enter")
        await person.sees("esc")
        await person.press("escape", "x")
        daemon.answers["GET /v1/status"]["health"] = health()
        daemon.happen({"type": "health.summary", **health()})
        await person.sees("no dead letters any more")
        late = health(waiting=12, slow=3)  # nothing has failed yet
        daemon.answers["GET /v1/status"]["health"] = late
        daemon.happen({"type": "health.summary", **late})
        await bar(person, "✗ 12 answers wait · oldest 50 s · 3 turns run · oldest 45 s")
        await person.clicks("12 answers wait")
        await person.sees('delivery == "waiting"')
        await person.clicks("3 turns run")
        await person.sees("state == running and took > 20s")
        daemon.answers["GET /v1/status"]["health"] = health()
        daemon.happen({"type": "health.summary", **health()})
        await person.press("E")
        await person.sees("answers wait: 12", "no answer waits for long any more")
        await person.sees_no("10 bots down")
        await person.press("exclamation_mark")
        await person.sees("nothing is wrong")


@pytest.mark.full
async def test_a_change_of_health_is_told_though_nothing_else_is_drawn(clock: FakeClock) -> None:
    async with console(filled(), clock=clock, size=(80, 24)) as person:
        await person.sees("Where is my")
        status = person.line(-2)
        notices = person.app.state.notices
        notices.tell("bad", "{component} is {state}", component="bot wecom/b4", state="failed")
        await person.finds(lambda: not notices.fresh)
        await person.sees("bot wecom/b4 is failed")
        assert person.line(-2)[:60] == status[:60], "the bar stays in sight"
        assert "failed" not in "".join(person.line(n) for n in (-3, -2, -1))


def test_ten_changes_at_once_are_one_toast() -> None:
    now, said = 0.0, list[tuple[str, str]]()
    state = ConsoleState(FakeClock())
    surface = SimpleNamespace(
        state=state, words=Words("en"), say=lambda text, kind: said.append((kind, text))
    )
    toasts = Toasts(cast(Surface, surface), lambda: now)
    for n in range(10):
        state.notices.tell("warn" if n else "bad", "{component} is {state}", component=f"b{n}", state="odd")
        toasts.sync()
    now += 0.4
    toasts.sync()
    assert said == [], "others may come with them"
    now += 0.2
    toasts.sync()
    assert said == [("bad", "10 changes of health (E shows them), the last: b9 is odd")]
    state.notices.tell("ok", "no dead letters any more")
    toasts.sync()
    now += 0.6
    toasts.sync()
    toasts.sync()
    assert said[1:] == [("ok", "no dead letters any more")]
    assert len(state.notices.since(0)) == 11


@pytest.mark.full
async def test_what_is_not_known_is_not_said_to_be_so() -> None:
    daemon = suffering()
    async with console(daemon, clock=FakeClock()) as person:
        await bar(person, "✗ 2 bots down")
        daemon.stop()
        await bar(person, "● detached")
        await person.sees_no("2 bots down")
        await person.press("exclamation_mark")
        await person.sees("no daemon is attached")
        del daemon.answers["GET /v1/status"]["health"]  # an older daemon
        daemon.start_again()
        await bar(person, "● attached")
        await person.sees_no("2 bots down")
        await person.press("exclamation_mark")
        await person.sees("this daemon does not say how it is")
        daemon.happen({"type": "health.summary", "not_ok": "of tomorrow"})
        await person.press("E")
        await person.sees("it is of another version")


async def test_in_chinese() -> None:
    async with console(suffering(), clock=FakeClock(), language="zh") as person:
        await bar(person, "✗ 2 个机器人不可用 · openai 降级 · 100% 失败 · 3 条未送达 · 6 封死信")


@pytest.mark.full
async def test_failures_of_one_cause_their_people_and_all_of_them_again() -> None:
    daemon = filled()
    settled = [{"id": "01T", "done": True}, {"id": "01U", "done": False, "why": "it runs again already"}]
    daemon.answers["POST /v1/failures/b1/retry"] = {"settled": settled, "left": 3}
    rerun = {"id": "01T", "turn": "01T", "session": "wecom:hr:zoe", "user": "zoe", "user_name": "zoe"}
    rerun |= {"platform": "wecom", "bot": "hr", "text": "and my lamp?", "received": NOON - 200}
    running = {"ended": False, "reruns": [{**rerun, "outcome": "running"}]}
    failed = {"ended": True, "reruns": [{**rerun, "outcome": "failed", "why": "openai: 503"}]}
    async with console(daemon, clock=FakeClock()) as person:
        await person.sees("谢谢")
        await person.press("B")
        await person.sees(
            "12 turns", "9 people wait", "openai: overloaded: 500", "1 answer", "1 person waits"
        )
        await person.sees("while processing your request", "10 wrote these, 9 of them wait")
        await person.sees("── openai: overloaded: 500")
        await person.press("enter")
        await person.sees("carol", "王小明", "answered since", "I want a refund for the blue lamp")
        daemon.answers["GET /v1/failures/b1/reruns"] = running
        await person.press("r")
        await person.sees("Try again (9 people wait): openai: overloaded: 500")
        await person.press("y")
        await person.sees("1 of 2 tried again", "3 left alone", "01U: it runs again already")
        await person.sees("0 answered, 0 failed again, 1 still running", "zoe · 01T: still running")
        daemon.answers["GET /v1/failures/b1/reruns"] = failed
        await person.sees(
            "0 answered, 1 failed again, 0 still running", "zoe · 01T: failed again: openai: 503"
        )
        await person.press("escape")
        await person.sees("and my lamp?", "failed again")
        await person.press("enter")
        await person.sees("rate_limited")
        await person.press("escape", "f")
        await person.sees('state in [failed, dead] and provider == "openai"')
        daemon.answers["GET /v1/failures"] = {"bundles": []}
        await person.press("B")
        await person.sees("nothing failed in the last six hours")
        await person.press("r")
        await person.sees("no failures are selected")


@pytest.mark.full
async def test_a_bots_rates_errors_and_last_error() -> None:
    async with console(filled(), clock=FakeClock()) as person:
        await person.sees("谢谢")
        await person.press("2", "down", "down")
        await person.sees(
            "── dingtalk/客服 ──", "111 in, 111 out; a minute now 3.6 in, 3.6 out, 3% of sends failed"
        )
        await person.sees("90018: too fast", "IN/MIN", "ERRORS", "▆▇█ ▁▂▃")
