"""Pulling: every message once, whatever pages, callbacks and the store do."""

from __future__ import annotations

import time

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wecomcs_here import ACCOUNT, connected, until

from mindbot.domain.errors import StoreError
from mindbot.sim.wecomcs.desk import Desk

pytestmark = pytest.mark.anyio


async def test_a_callback_brings_the_message() -> None:
    async with connected(pull_interval=60) as here:
        message = await here.asked("hello")
        assert message.session == f"wecomcs:shop:{ACCOUNT}:wm1"
        assert (message.sender, message.kind, message.reply_to) == (
            "wm1",
            "text",
            {"touser": "wm1", "open_kfid": ACCOUNT},
        )
        assert here.sim.counters["sync_without_token"] == 2  # the first pull of each account alone


async def test_without_callbacks_the_timer_pulls() -> None:
    async with connected(fault="silent", pull_interval=1) as here:
        await here.asked("hello")


async def test_a_callback_whose_token_has_ended_is_pulled_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Desk, "doorbell", lambda self: "ended")
    async with connected() as here:
        await here.asked("hello")
        assert here.sim.counters["errcode.95007"] == 1


async def test_the_first_start_takes_only_what_is_new() -> None:
    async with connected(run=False, first_start=600) as here, anyio.create_task_group() as tasks:
        for text, age in (("old", 3600.0), ("new", 60.0)):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": text}, at=time.time() - age)
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        await until(lambda: here.texts())
        assert here.texts() == ["new"]
        assert here.keep.values[f"cursor:{ACCOUNT}"]["cursor"].endswith("2")
        tasks.cancel_scope.cancel()


async def test_a_restart_goes_on_behind_the_cursor() -> None:
    async with connected(run=False) as here:
        here.keep.values[f"cursor:{ACCOUNT}"] = {"cursor": "4gw7000000000001"}
        for text in ("done", "missed"):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": text}, at=time.time() - 7200)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
            await until(lambda: here.texts())
            tasks.cancel_scope.cancel()
        assert here.texts() == ["missed"]


async def test_a_store_that_fails_leaves_the_cursor_where_it_was() -> None:
    async with connected() as here:
        await here.asked("one")
        before = here.keep.values[f"cursor:{ACCOUNT}"]
        here.keep.error = StoreError("disk full")
        await here.sim.push_text("wm1", "two")
        reason = await here.health.until("degraded")
        assert "disk full" in reason
        assert here.keep.values[f"cursor:{ACCOUNT}"] == before
        here.keep.error = None
        await until(lambda: "two" in here.texts())
        assert here.texts() == ["one", "two"]


@given(count=st.integers(1, 40), split=st.integers(1, 7), seed=st.integers(0, 99))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_however_pages_are_split_each_message_comes_once_and_in_order(
    count: int, split: int, seed: int
) -> None:
    async def run() -> None:
        async with connected(run=False, sim={"split": split, "seed": seed}) as here:
            for n in range(count):
                here.sim.desk.says(ACCOUNT, f"wm{n % 3}", "text", {"content": str(n)})
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
                await until(lambda: len(here.inbox.messages) >= count)
                tasks.cancel_scope.cancel()
            assert here.texts() == [str(n) for n in range(count)]

    anyio.run(run)


async def test_a_page_that_comes_again_has_the_same_keys() -> None:
    async with connected(fault="page-again:n=1") as here:
        await here.asked("hello")
        await until(lambda: len(here.inbox.messages) == 2)
        assert len({m.key for m in here.inbox.messages}) == 1


@pytest.mark.parametrize(
    "fault", ["45009:n=1@sync_msg", "500:n=2@sync_msg", "drop:n=2@sync_msg", "expired-token:n=1@sync"]
)
async def test_a_failing_pull_is_tried_again(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("mindbot.platforms.wecom.errors", fromlist=["x"])._RETRY_AFTER, 45009, 0.1)
    async with connected(fault=fault) as here:
        await here.asked("hello")


async def test_bad_credentials_are_told() -> None:
    async with connected(run=False, secret="wrong") as here, anyio.create_task_group() as tasks:
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        with anyio.fail_after(5):
            assert "needs credentials" in await here.health.until("failed")
        assert [check.state for check in await here.bot.test()][:3] == ["ok", "failed", "failed"]
        tasks.cancel_scope.cancel()


async def test_every_kind_becomes_a_message() -> None:
    async with connected() as here:
        here.sim.desk.media["M1"] = (b"\x89PNG\r\n\x1a\n" + b"0" * 20, "image/png", "a.png")
        said = {
            "image": {"media_id": "M1"},
            "voice": {"media_id": "M1"},
            "file": {"media_id": "M1"},
            "location": {"latitude": 1, "longitude": 2, "name": "Tower", "address": "Street"},
            "link": {"title": "T", "url": "https://example.org"},
            "business_card": {"userid": "anna"},
            "miniprogram": {"title": "Shop", "appid": "a"},
            "merged_msg": {
                "title": "record",
                "item": [{"sender_name": "li", "msg_content": '{"text":{"content":"hi"}}'}],
            },
            "meeting": {},
        }
        for kind, body in said.items():
            await here.sim.say("wm1", kind, body)
        await until(lambda: len(here.inbox.messages) == len(said))
        kinds = [m.kind for m in here.inbox.messages]
        assert kinds == ["image", "voice", "file", "location", "link", "raw", "raw", "raw", "raw"]
        assert here.inbox.messages[3].text == "Tower Street"
        assert here.inbox.messages[7].text == "record\nli: hi"
        file = await here.bot.fetch(here.inbox.messages[0], here.inbox.messages[0].parts[0])
        assert file is not None and file.size == 28
        assert (await here.bot.user("wm1"))["name"] == "Wm1"


async def test_what_people_and_the_system_say_is_an_event() -> None:
    async with connected() as here:
        await here.asked("hello")
        here.sim.desk.servicer_says(ACCOUNT, "wm1", "anna", "I am here")
        await here.sim.ring()
        await until(lambda: len(here.inbox.messages) == 3)
        moved, said = here.inbox.messages[1:]
        assert (moved.kind, said.kind, said.sender, said.text) == ("event", "event", "anna", "I am here")
        assert moved.parts[0].data["event_type"] == "session_status_change"


async def test_a_second_account_is_served_and_pulled_alone() -> None:
    async with connected() as here:
        await here.sim.say("wm9", "text", {"content": "other"}, account="wkSIM2")
        await until(lambda: here.texts())
        assert here.inbox.messages[0].chat == "wkSIM2"
        assert [a["account"] for a in here.bot.details()["accounts"]] == ["wkSIM1", "wkSIM2"]
