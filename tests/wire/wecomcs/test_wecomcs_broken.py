"""Pages that cannot be read, places that are lost: no account stands still, and nothing is passed unseen."""

from __future__ import annotations

import time
from typing import Any

import anyio
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from wecomcs_here import ACCOUNT, Here, connected

from mindbot.domain.message import Json
from mindbot.platforms.wecom_shared.errors import NoAnswer
from mindbot.platforms.wecomcs import pages, pull
from mindbot.platforms.wecomcs.read_place import cursor_key
from mindbot.testing.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.full]

_KEY = cursor_key(ACCOUNT)


def _row(here: Here) -> Any:
    return next(a for a in here.bot.details()["accounts"] if a["account"] == ACCOUNT)


def _whole(page: Json) -> bytes:
    return orjson.dumps(page)


def _marked(page: Json) -> bool:
    return any("BREAKS" in str(entry) for entry in page["msg_list"])


def _unescaped(page: Json) -> bytes | None:
    """A quote inside of what somebody typed is not escaped."""
    return _whole(page).replace(b"BREAKS", b'BR"EAKS') if _marked(page) else None


def _cut(page: Json) -> bytes | None:
    """The text ends inside of the entry."""
    return _whole(page).partition(b"BREAKS")[0] if _marked(page) else None


def _no_list(page: Json) -> bytes | None:
    return _whole(page | {"msg_list": str(page["msg_list"])}) if _marked(page) else None


def _null_list(page: Json) -> bytes | None:
    return _whole(page | {"msg_list": None}) if _marked(page) else None


def _missing_list(page: Json) -> bytes | None:
    return _whole({n: v for n, v in page.items() if n != "msg_list"}) if _marked(page) else None


def _without_code(page: Json) -> bytes | None:
    return _whole({name: value for name, value in page.items() if name != "errcode"})


def _odd_envelope(page: Json) -> bytes | None:
    return _whole(page | {"errcode": None, "errmsg": 7, "has_more": {"odd": 1}})


@pytest.mark.parametrize("breaks", [_unescaped, _cut, _no_list, _null_list, _missing_list])
async def test_one_entry_that_breaks_its_page_costs_none_beside_it(
    breaks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "_TRIES", 3)
    async with connected(run=False, pull_interval=60) as here, anyio.create_task_group() as tasks:
        here.sim.broken = breaks
        said = [f"before {n}" for n in range(9)] + ["BREAKS"] + [f"behind {n}" for n in range(9)]
        for n, text in enumerate(said):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": text}, at=time.time() - 60 + n)
        with capture_logs() as logs:
            tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
            await until(lambda: "behind 8" in here.texts())
        assert [text for text in here.texts() if text != "[unreadable]"] == [t for t in said if t != "BREAKS"]
        (kept,) = [m for m in here.inbox.messages if m.text == "[unreadable]"]
        assert kept.kind == "event" and "errcode" in str(kept.parts[0].data["entry"])
        assert _row(here)["unread"] == 1
        assert any(line["event"] == "an entry is passed: it cannot be read" for line in logs)
        assert "the page cannot be read" in await here.health.until("degraded")
        await until(lambda: here.health.states[-1] == "ok")
        assert here.keep.values[_KEY]["cursor"] == here.sim.calls.sync({"open_kfid": ACCOUNT})["next_cursor"]
        tasks.cancel_scope.cancel()


async def test_pages_that_break_at_their_size_come_in_smaller_ones() -> None:
    """Something on the way cuts what is long."""

    def too_long(page: Json) -> bytes | None:
        text = _whole(page)
        return text[:900] if len(text) > 900 else None

    async with connected(run=False, pull_interval=60) as here, anyio.create_task_group() as tasks:
        here.sim.broken = too_long
        said = [f"text {n}" for n in range(40)]
        for n, text in enumerate(said):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": text}, at=time.time() - 60 + n)
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        await until(lambda: len(here.texts()) >= len(said))
        assert here.texts() == said and _row(here)["unread"] == 0
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("lost", [1, 2])
async def test_entries_that_came_whole_are_taken_though_every_page_is_cut(lost: int) -> None:
    """Something on the way takes the last bytes of everything."""
    async with connected(run=False, pull_interval=60) as here, anyio.create_task_group() as tasks:
        here.sim.broken = lambda page: _whole(page)[:-lost]
        said = [f"text {n}" for n in range(9)]
        for n, text in enumerate(said):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": text}, at=time.time() - 60 + n)
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        await until(lambda: len(here.texts()) >= len(said))
        assert here.texts() == said and _row(here)["unread"] == 0
        tasks.cancel_scope.cancel()


@pytest.mark.full
async def test_what_breaks_every_page_is_no_entrys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "_TRIES", 2)
    async with connected(run=False, pull_interval=60) as here, anyio.create_task_group() as tasks:
        here.sim.broken = lambda page: _whole(page).replace(b'"msgid":', b'"msgid"') + b"}"
        said = [f"text {n}" for n in range(5)]
        for n, text in enumerate(said):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": text}, at=time.time() - 60 + n)
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        await until(lambda: here.sim.counters["kf/sync_msg"] > 40)
        assert here.texts() == [] and "the page cannot be read" in await here.health.until("degraded")
        here.sim.broken = lambda page: None
        await until(lambda: len(here.texts()) >= len(said))
        assert here.texts() == said and _row(here)["unread"] == 0
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("listed", [None, {}, "", 0, False])
async def test_a_cursor_far_ahead_without_a_list_passes_nobody(listed: Any) -> None:
    async with connected(run=False, pull_interval=60) as here, anyio.create_task_group() as tasks:
        here.sim.broken = lambda page: _whole(page | {"msg_list": listed, "has_more": 0})
        said = [f"text {n}" for n in range(5)]
        for n, text in enumerate(said):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": text}, at=time.time() - 60 + n)
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        assert "the page cannot be read" in await here.health.until("degraded")
        assert here.texts() == [] and here.keep.values[_KEY]["cursor"] == ""
        here.sim.broken = lambda page: None
        await until(lambda: len(here.texts()) >= len(said))
        assert here.texts() == said
        tasks.cancel_scope.cancel()


async def test_no_list_where_nothing_is_behind_the_cursor_is_an_empty_page() -> None:
    async with connected(pull_interval=60) as here:
        here.sim.broken = lambda page: None if page["msg_list"] else _whole(page | {"msg_list": None})
        await here.asked("one")
        await here.asked("two")
        assert here.texts() == ["one", "two"] and "degraded" not in here.health.states


async def test_some_entries_in_a_row_that_break_are_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "_TRIES", 2)
    async with connected(run=False, pull_interval=60) as here, anyio.create_task_group() as tasks:
        here.sim.broken = _unescaped
        for n, text in enumerate(["before", "BREAKS", "BREAKS", "BREAKS", "behind"]):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": text}, at=time.time() - 60 + n)
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        await until(lambda: "behind" in here.texts())
        assert here.texts() == ["before", *["[unreadable]"] * 3, "behind"]
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("breaks", [_without_code, _odd_envelope])
async def test_an_envelope_of_another_form_costs_no_entry(breaks: Any) -> None:
    async with connected(pull_interval=60) as here:
        here.sim.broken = breaks
        await here.asked("one")
        await here.asked("two")
        assert here.texts() == ["one", "two"] and "degraded" not in here.health.states


async def test_a_page_that_is_cut_now_and_then_is_read_all_the_same() -> None:
    async with connected(fault="cut-page:n=3") as here:
        await here.asked("hello")
        assert here.texts() == ["hello"] and _row(here)["unread"] == 0


@pytest.mark.full
async def test_where_nothing_says_how_to_go_on_the_account_waits_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pull, "_TRIES", 2)
    async with connected() as here:
        here.sim.broken = lambda page: b'{"errcode":0,"msg_list":[{"msgid":"x'
        await here.sim.push_text("wm1", "hello")
        assert "nor does it tell where to go on" in await here.health.until("degraded")
        before = here.sim.counters["kf/sync_msg"]
        await until(lambda: here.sim.counters["kf/sync_msg"] > before + 6)
        assert here.texts() == []
        here.sim.broken = lambda page: None
        await until(lambda: here.texts() == ["hello"])


async def test_what_somebody_in_between_says_is_no_page_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "_TRIES", 2)
    async with connected() as here:
        here.sim.broken = lambda page: b"<html>sign in</html>"
        await here.sim.push_text("wm1", "hello")
        assert "a proxy or portal in between" in await here.health.until("degraded")
        here.sim.broken = lambda page: None
        await until(lambda: here.texts() == ["hello"])
        assert _row(here)["unread"] == 0


@pytest.mark.full
async def test_pages_that_lead_nowhere_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "_TRIES", 1)
    async with connected() as here:
        here.sim.broken = lambda page: _whole(page | {"next_cursor": {"odd": 1}, "has_more": 1})
        await here.sim.push_text("wm1", "hello")
        assert "no page leads to it" in await here.health.until("degraded")
        assert set(here.texts()) == {"hello"} and len({m.key for m in here.inbox.messages}) == 1


@pytest.mark.parametrize("damage", ["unreadable", "refused", "another form", "no time"])
async def test_a_place_that_is_lost_passes_nobody_and_answers_nobody_twice(
    damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "_TRIES", 2)
    async with connected(run=False, first_start=600) as here:

        async def run(*said: str) -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
                await until(lambda: set(said) <= set(here.texts()))
                await until(lambda: "since" not in here.keep.values[_KEY])
                tasks.cancel_scope.cancel()

        here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": "too old"}, at=time.time() - 3600)
        here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": "answered"}, at=time.time() - 300)
        await run("answered")
        here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": "nobody was there"}, at=time.time() - 200)
        match damage:
            case "unreadable":
                del here.keep.values[_KEY]
                here.keep.unreadable.add(_KEY)
            case "refused":
                here.keep.values[_KEY] = {"cursor": "none of WeCom's"}
            case "another form":
                here.keep.values[_KEY] = {"place": 7}
            case "no time":
                here.keep.values[_KEY] = {"cursor": "4gw7000000000002", "since": "long ago"}
        with capture_logs() as logs:
            here.clock.ahead = 3000.0  # a first start would pass all of it
            await run("nobody was there")
        keys = [m.key for m in here.inbox.messages]
        fresh = [m.text for n, m in enumerate(here.inbox.messages) if m.key not in keys[:n]]
        assert fresh == ["answered", "nobody was there"]
        assert any(line["event"] == "the place in an account is lost" for line in logs)
        assert _row(here)["place lost"] == 1


@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_an_answer_is_it_is_a_page_or_told_apart(body: bytes) -> None:
    for answer in (body, b'{"errcode":0,"next_cursor":"c","msg_list":[' + body):
        try:
            page = pages.in_spite_of(NoAnswer("no code", body=answer))
        except pages.Broken as broken:
            assert len(broken.cursor) <= 64 and broken.said
        except NoAnswer:
            assert b"msg_list" not in answer
        else:
            assert isinstance(page.entries, list)


def test_a_cursor_is_made_out_of_the_envelope_and_not_of_what_people_typed() -> None:
    typed = rb"{\"next_cursor\":\"typed\"}"
    before = b'{"errcode":0,"next_cursor":"ours","msg_list":[{"text":"' + typed + b'", broken'
    behind = b'{"errcode":0,"msg_list":[{"text":"' + typed + b'" broken}],"next_cursor":"ours"}'
    for body in (before, behind):
        with pytest.raises(pages.Broken) as raised:
            pages.in_spite_of(NoAnswer("no code", body=body))
        assert raised.value.cursor == "ours"


def test_a_cut_list_has_the_entries_that_came_whole_and_no_cursor_of_theirs() -> None:
    one = b'{"msgid":"1","text":{"content":"}]","next_cursor":"typed"}}'
    for body, whole in ((one + b"," + one[:-1], 1), (one[:-1], 0), (one + b" ,\n" + one, 2), (b"", 0)):
        with pytest.raises(pages.Broken) as raised:
            pages.in_spite_of(NoAnswer("no code", body=b'{"errcode":0,"msg_list":[' + body))
        assert [entry["msgid"] for entry in raised.value.entries] == ["1"] * whole
    with pytest.raises(pages.Broken) as raised:
        pages.in_spite_of(NoAnswer("no code", body=b'{"msg_list":[' + one))
    assert raised.value.cursor == ""
    with pytest.raises(pages.Broken) as raised:
        pages.in_spite_of(NoAnswer("no code", body=b'{"msg_list":[' + one + b'],"next_cursor":"ours"'))
    assert raised.value.cursor == "ours" and len(raised.value.entries) == 1
