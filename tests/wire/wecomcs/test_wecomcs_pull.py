"""Pulling: every message once, whatever pages, callbacks and the store do."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from wecomcs_here import ACCOUNT, connected

from mindbot.domain.errors import AuthFailed, Overloaded, RateLimited, StoreError
from mindbot.platforms.wecom_shared import errors
from mindbot.platforms.wecomcs import pull
from mindbot.platforms.wecomcs.adapter import WeComCsPlatform
from mindbot.sim.wecomcs.service_desk import ServiceDesk
from mindbot.testing.waiting import PATIENCE, until

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


@pytest.mark.full
async def test_without_callbacks_the_timer_pulls() -> None:
    async with connected(fault="silent", pull_interval=1) as here:
        await here.asked("hello")


async def test_a_callback_whose_token_has_ended_is_pulled_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ServiceDesk, "doorbell", lambda self: "ended")
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


async def test_after_a_restore_nothing_is_answered_that_was_said_before_the_start() -> None:
    restored = time.time() - 30
    async with connected(run=False, first_start=86_400, since=restored) as here:
        here.keep.values[f"cursor:{ACCOUNT}"] = {"cursor": "4gw7000000000001"}
        for text, age in (("read", 7200.0), ("answered since the backup", 3600.0), ("new", 5.0)):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": text}, at=time.time() - age)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
            await until(lambda: here.texts())
            tasks.cancel_scope.cancel()
        assert here.texts() == ["new"]


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


@pytest.mark.full
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
    monkeypatch.setitem(errors._RETRY_AFTER, 45009, 0.1)
    async with connected(fault=fault) as here:
        await here.asked("hello")


async def test_bad_credentials_are_told() -> None:
    async with connected(run=False, secret="wrong") as here, anyio.create_task_group() as tasks:
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        with anyio.fail_after(PATIENCE):
            assert "needs credentials" in await here.health.until("failed")
        assert [check.state for check in await here.bot.test()][:3] == ["ok", "failed", "failed"]
        tasks.cancel_scope.cancel()


async def test_a_second_account_is_served_and_pulled_alone() -> None:
    async with connected() as here:
        await here.sim.say("wm9", "text", {"content": "other"}, account="wkSIM2")
        await until(lambda: here.texts())
        assert here.inbox.messages[0].chat == "wkSIM2"
        assert [a["account"] for a in here.bot.details()["accounts"]] == ["wkSIM1", "wkSIM2"]


async def test_a_first_start_that_dies_between_two_pages_still_skips_what_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pull, "_GATHERED", 1)
    async with connected(run=False, first_start=600) as here:
        for n in range(6):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": str(n)}, at=time.time() - 7200 + n)
        here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": "new"})
        here.sim.change_rules({"split": 1})
        for _ in range(2):  # dies, and is started again
            commits, killed = 0, anyio.Event()
            receive = here.keep.receive

            async def dies(
                *args: Any, receive: Any = receive, killed: anyio.Event = killed, **more: Any
            ) -> Any:
                nonlocal commits
                commits += 1
                if commits == 3:
                    killed.set()
                    await anyio.sleep_forever()
                return await receive(*args, **more)

            here.keep.receive = dies  # type: ignore[method-assign]
            with anyio.fail_after(PATIENCE):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
                    await killed.wait()
                    tasks.cancel_scope.cancel()
            here.keep.receive = receive  # type: ignore[method-assign]
            assert "since" in here.keep.values[f"cursor:{ACCOUNT}"]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
            await until(lambda: here.texts())
            await until(lambda: "since" not in here.keep.values[f"cursor:{ACCOUNT}"])
            tasks.cancel_scope.cancel()
        assert here.texts() == ["new"]


async def test_what_comes_after_an_interrupted_first_start_is_not_old() -> None:
    async with connected(run=False, first_start=60) as here:
        here.keep.values[f"cursor:{ACCOUNT}"] = {"cursor": "", "since": time.time() - 7200}
        here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": "meanwhile"}, at=time.time() - 3600)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
            await until(lambda: here.texts() == ["meanwhile"])
            tasks.cancel_scope.cancel()


async def test_a_callbacks_token_serves_all_pages_until_it_ends() -> None:
    async with connected(sim={"split": 1, "seed": 3}) as here:
        await until(lambda: all(a["pulled"] for a in here.bot.details()["accounts"]))
        before = here.sim.counters["sync_without_token"]
        for n in range(5):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": str(n)})
        await here.sim.ring()
        await until(lambda: len(here.texts()) == 5)
        assert here.sim.counters["sync_without_token"] == before


async def test_a_limit_on_calls_without_a_token_ends_with_the_next_callback() -> None:
    async with connected(run=False, sim={"tokenless": 1}, open_kfids=[ACCOUNT]) as here:
        here.sim.calls.sync({"open_kfid": ACCOUNT})  # somebody else used it up
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
            assert "too many calls" in await here.health.until("degraded")
            await here.asked("hello")  # and not in a minute
            tasks.cancel_scope.cancel()


async def test_pages_that_are_empty_unsorted_or_rung_for_late_lose_nothing() -> None:
    faults = ["empty-page:n=3", "unsorted", "late-callback:20ms"]
    async with connected(fault=faults, run=False) as here:
        for n in range(4):
            at = time.time() - 40 + 10 * n
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": str(n)}, at=at)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
            await until(lambda: len(here.texts()) == 4)
            assert here.texts() == ["0", "1", "2", "3"]
            await here.asked("four")
            tasks.cancel_scope.cancel()


async def test_an_account_that_fails_holds_no_other_up() -> None:
    wanted = ["wkGONE", ACCOUNT, "wkSIM2"]
    async with connected(open_kfids=wanted, run=False) as here, anyio.create_task_group() as tasks:
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        await here.asked("hello")
        reason = await here.health.until("degraded")
        assert "wkGONE" in reason and "no such customer service account" in reason
        await until(lambda: all(a["pulled"] or "error" in a for a in here.bot.details()["accounts"]))
        rows = {a["account"]: a for a in here.bot.details()["accounts"]}
        assert "error" in rows["wkGONE"] and "error" not in rows[ACCOUNT] and rows["wkSIM2"]["pulled"]
        checks = {c.name: c for c in await here.bot.test()}
        assert checks["managed by the API"].mend == "`open_kfids`"
        assert checks["pulls"].state == "failed" and "wkGONE" in checks["pulls"].detail
        tasks.cancel_scope.cancel()


async def test_hundreds_of_accounts_are_listed_page_by_page_and_those_not_managed_left_alone() -> None:
    names = tuple(f"wk{n:03}" for n in range(120))
    async with connected(run=False, sim={"accounts": names, "unmanaged": ("wk007",)}) as here:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
            await until(lambda: len(here.bot.details()["accounts"]) == 119)
            tasks.cancel_scope.cancel()
        served = {a["account"] for a in here.bot.details()["accounts"]}
        assert served == set(names) - {"wk007"}
        checks = {c.name: c for c in await here.bot.test()}
        assert "wk007" in checks["managed by the API"].detail
        assert "let the API manage" in checks["managed by the API"].mend


async def test_an_account_made_later_is_served_from_its_first_callback() -> None:
    async with connected() as here:
        here.sim.desk.log["wkNEW"] = []
        await here.sim.say("wm1", "text", {"content": "first"}, account="wkNEW")
        await until(lambda: here.texts() == ["first"])


async def test_a_restarted_bot_goes_on_and_a_stopped_one_loses_nothing() -> None:
    async with connected(run=False) as here:
        for text in ("one", "two"):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
                await here.asked(text)
                tasks.cancel_scope.cancel()
            await here.sim.push_text("wm1", f"after {text}")  # rung for while it is stopped
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
            await until(lambda: "after two" in here.texts())
            tasks.cancel_scope.cancel()
        assert here.texts() == ["one", "after one", "two", "after two"]


async def test_a_bot_proves_itself_and_names_what_is_missing() -> None:
    async with connected(handoff_keywords=["human"], handoff_to="anna") as here:
        checks = {c.name: c for c in await here.bot.test()}
        assert [c.state for c in checks.values()] == ["ok"] * 7 + ["skipped"]
        assert checks[f"people of {ACCOUNT}"].detail == "anna, boris"
        assert "receive messages" in checks["callbacks"].mend
        await here.asked()
        here.sim.desk.attends("anna", False)
        checks = {c.name: c for c in await here.bot.test()}
        assert checks["callbacks"].state == "ok"
        missing = checks[f"people of {ACCOUNT}"]
        assert "not there now: anna" in missing.detail and "`handoff_to`" in missing.mend
        here.sim.desk.attends("boris", False)
        checks = {c.name: c for c in await here.bot.test()}
        assert "servicers" in checks["people of wkSIM2"].mend


async def test_a_customers_name_is_asked_for_once() -> None:
    async with connected() as here:
        await here.asked()
        for _ in range(2):
            assert (await here.bot.user("wm1"))["name"] == "Wm1"
        assert here.sim.counters["kf/customer/batchget"] == 1
        assert (await here.bot.user("unknown"))["name"] == ""
        await here.asked("I am here", "unknown")
        assert (await here.bot.user("unknown"))["name"] == "Unknown", "nobody is not remembered"


async def test_a_page_that_leads_nowhere_is_left_for_the_next_pull(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "_IDLE_PAGES", 3)
    async with connected(fault="page-again") as here:
        await here.asked("hello")
        await until(lambda: here.sim.counters["fault.page-again"] >= 3)
        here.sim.faults.set([])
        await here.asked("two")
        assert {m.text for m in here.inbox.messages} == {"hello", "two"}


async def test_pages_before_one_that_fails_are_not_asked_for_again() -> None:
    async with connected(run=False, sim={"split": 1, "seed": 1}, open_kfids=[ACCOUNT]) as here:
        for n in range(10):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": str(n)})
        here.sim.faults.set(["500:after=6:n=1@sync_msg"])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
            await here.health.until("degraded")
            assert here.inbox.messages, "what was read before is there"
            await until(lambda: here.texts() == [str(n) for n in range(10)])
            tasks.cancel_scope.cancel()


@pytest.mark.slow
async def test_a_ring_ends_the_wait_after_a_failure() -> None:
    async with connected(backoff=1.0, open_kfids=[ACCOUNT]) as here:
        await until(lambda: here.bot.details()["accounts"][0]["pulled"])
        here.sim.faults.set(["48002:n=1@sync_msg"])  # waits for half a minute
        await here.sim.ring()
        await here.health.until("failed")
        await here.asked("hello")


@pytest.mark.parametrize("failures", [1, 3, 5, 50])
def test_a_ring_is_followed_within_seconds_though_not_at_once(failures: int) -> None:
    errors: list[Exception] = [
        Overloaded("x"),
        AuthFailed("x"),
        TypeError("x"),
        RateLimited("x", retry_after=60),
    ]
    for error in errors:
        wait, at_least = pull.patience(error, failures, 1.0, bare=True)
        assert 0.5 <= at_least <= 5.0 and at_least <= wait <= 60.0
    wait, at_least = pull.patience(errors[-1], failures, 1.0, bare=False)
    assert wait == at_least == 60.0, "a limit is kept to"


async def test_a_wrong_token_of_the_callbacks_is_named() -> None:
    async with connected(token="wrong") as here:
        await here.sim.push_text("wm1", "hello")
        found = {c.name: c for c in await here.bot.test()}["callbacks"]
        assert found.state == "failed" and "wrong signature" in found.detail and "`token`" in found.mend
        assert here.bot.details()["refused_callbacks"] >= 1


@pytest.mark.parametrize("changed", [{"api_base_url": "http://127.0.0.1:1"}, {"fault": "500"}])
async def test_a_network_that_fails_is_no_wrong_setting(changed: dict[str, str]) -> None:
    async with connected(run=False, **changed) as here:  # type: ignore[arg-type]
        checks = {c.name: c for c in await here.bot.test()}
        for name in ("access token", "accounts"):
            assert checks[name].state == "failed" and "firewall" in checks[name].mend
            assert "secret" not in checks[name].mend
        assert "wecomcs/shop" in checks["pulls"].mend  # with two bots the platform's name says nothing


class Drawer:
    """Secrets, of which the app's is wrong until it is mended."""

    def __init__(self) -> None:
        self.mended = False

    async def aget(self, value: SecretStr, /) -> str:
        text = value.get_secret_value()
        return "wrong" if text == "sim-wecomcs-secret" and not self.mended else text


async def test_accounts_whose_credentials_the_test_proves_are_pulled() -> None:
    async with connected(run=False) as here, anyio.create_task_group() as tasks:
        drawer = Drawer()
        bot = WeComCsPlatform(here.bot._settings, "shop", replace(here.bot._host, secrets=drawer))
        tasks.start_soon(bot.run, here.inbox.receive, here.health.report)
        assert "needs credentials" in await here.health.until("failed")
        assert {c.name: c for c in await bot.test()}["pulls"].state == "failed"
        drawer.mended = True
        checks = {c.name: c for c in await bot.test()}
        assert checks["pulls"].state == "ok"
        assert here.health.reports[-1] == ("ok", "")
        tasks.cancel_scope.cancel()
