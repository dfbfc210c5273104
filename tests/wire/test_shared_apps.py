"""Several bots of one app over real sockets: one token, one limit, and what each says of its credentials."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.config.load import Loaded, load
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import AuthFailed, RateLimited
from mindbot.domain.host import Host
from mindbot.domain.message import Json, text_part
from mindbot.domain.ports.platform import Platform, Webhook
from mindbot.http.client import HttpClient
from mindbot.platforms.dingtalk.adapter import DingTalkPlatform
from mindbot.platforms.dingtalk.settings import DingTalkSettings
from mindbot.platforms.wecom.adapter import WeComPlatform
from mindbot.platforms.wecom.settings import WeComSettings
from mindbot.platforms.wecomcs.adapter import WeComCsPlatform
from mindbot.platforms.wecomcs.settings import WeComCsSettings
from mindbot.runtime.app import Runtime
from mindbot.sim.testing import simulated
from mindbot.testing.platforms import HealthReports, Inbox, a_host
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

KINDS: dict[str, tuple[type[Any], Callable[..., Any]]] = {
    "wecom": (WeComPlatform, WeComSettings),
    "wecomcs": (WeComCsPlatform, WeComCsSettings),
    "dingtalk": (DingTalkPlatform, DingTalkSettings),
}
TO: dict[str, Json] = {
    "wecom": {"touser": "zhangsan"},
    "wecomcs": {"touser": "wm1", "open_kfid": "wkSIM1"},
    "dingtalk": {"user": "li", "group": False, "conversation": "", "webhook": "", "until": 0},
}


def a_bot(far: Any, host: Host, name: str = "a", platform: str = "", **changed: Any) -> Platform:
    platform = platform or far.name
    kind, settings = KINDS[platform]
    known = settings.model_fields
    section = {k: v for k, v in far.details().items() if k in known or k == "EncodingAESKey"}
    bot: Platform = kind.build(settings(**section | changed), name, host)
    return bot


def hello(bot: Platform, n: int = 0) -> Delivery:
    to = TO[bot.name]
    return Delivery(
        turn=1 << 40, n=n, platform=bot.name, bot=bot.bot, session="s", to=to, parts=[text_part(f"hello {n}")]
    )


def asked_for_tokens(far: Any) -> int:
    return int(far.counters["gettoken"] or far.counters["accessToken"])


@pytest.mark.parametrize("platform", ["wecom", "dingtalk"])
async def test_bots_of_one_app_and_a_reload_share_one_token(platform: str, tmp_path: Path) -> None:
    async with simulated(platform, strict=True) as far, HttpClient() as http:
        host = a_host(http, Inbox(), tmp_path)
        bots = [a_bot(far, host, name) for name in "abc"]
        async with anyio.create_task_group() as tasks:
            for n, bot in enumerate(bots * 3):
                tasks.start_soon(bot.send, hello(bot, n))
        reloaded = a_bot(far, host, priority=3)
        await reloaded.send(hello(reloaded, 9))
        assert asked_for_tokens(far) == 1
        stranger = a_bot(far, a_host(http, Inbox(), tmp_path))  # another process
        await stranger.send(hello(stranger, 10))
        assert asked_for_tokens(far) == 2


async def test_a_daemon_asks_once_for_all_bots_of_an_app_also_across_a_reload(tmp_path: Path) -> None:
    async with simulated("wecom", strict=True) as far:
        section = {k: v for k, v in far.details().items() if k != "base_url"}

        def loaded(*names: str, **changed: Any) -> Loaded:
            bots = [section | {"name": name} | changed for name in names]
            return load([], environ={}, overrides={"state_dir": str(tmp_path), "wecom": bots})

        async def well(runtime: Runtime, *names: str) -> None:
            with anyio.fail_after(PATIENCE):
                while {runtime.board.state(f"bot wecom/{name}") for name in names} != {"ok"}:
                    await anyio.sleep(0.01)

        async def bind(_: Sequence[Webhook]) -> None: ...

        async with Runtime.open(loaded("a", "b"), tmp_path) as runtime:
            await well(runtime, "a", "b")
            await runtime.use(loaded("b", "c", priority=2), bind)
            await well(runtime, "b", "c")
        assert asked_for_tokens(far) == 1


async def test_an_application_and_customer_service_with_one_secret_share_a_token(tmp_path: Path) -> None:
    async with simulated("wecom", strict=True) as far, HttpClient() as http:
        host = a_host(http, Inbox(), tmp_path)
        app, service = a_bot(far, host), a_bot(far, host, platform="wecomcs")
        await app.send(hello(app))
        assert await service._api.token()  # type: ignore[attr-defined]
        assert asked_for_tokens(far) == 1


async def test_a_limit_of_one_api_is_the_enterprises_and_stops_no_other_api(tmp_path: Path) -> None:
    async with simulated("wecomcs", strict=True, fault="45009:n=1@send_msg") as far, HttpClient() as http:
        host = a_host(http, Inbox(), tmp_path)
        one, two = (a_bot(far, host, name)._api for name in ("one", "two"))  # type: ignore[attr-defined]
        with pytest.raises(RateLimited) as caught:
            await one.post("kf/send_msg", {})
        assert (caught.value.retry_after, caught.value.scope) == (60.0, "session")
        asked = far.counters["requests"]
        with pytest.raises(RateLimited) as caught:
            await two.post("kf/send_msg", {})
        assert 50 < caught.value.retry_after <= 60
        assert far.counters["requests"] == asked
        assert (await one.post("kf/account/list", {}))["account_list"]


async def test_too_many_calls_at_once_become_fewer_and_the_others_go_on(tmp_path: Path) -> None:
    async with simulated("wecomcs", strict=True, fault="45033:n=1@account/list") as far, HttpClient() as http:
        host = a_host(http, Inbox(), tmp_path)
        one, two = (a_bot(far, host, name)._api for name in ("one", "two"))  # type: ignore[attr-defined]
        before = two._gate("kf/account/list").at_once
        with pytest.raises(RateLimited) as caught:
            await one.post("kf/account/list", {})
        assert (caught.value.code, caught.value.scope) == ("45033", "session")
        assert two._gate("kf/account/list").at_once < before
        assert (await two.post("kf/account/list", {}))["account_list"]


async def test_what_a_minute_allows_is_counted_over_all_bots_of_the_enterprise(tmp_path: Path) -> None:
    async with simulated("wecom", strict=True) as far, HttpClient() as http:
        host = a_host(http, Inbox(), tmp_path)
        one, two = (a_bot(far, host, name, calls_per_minute=2) for name in ("one", "two"))
        await one.send(hello(one, 1))
        await two.send(hello(two, 2))
        for bot in (one, two):
            with pytest.raises(RateLimited) as caught:
                await bot.send(hello(bot, 3))
            assert 50 < caught.value.retry_after <= 61
        assert [message.text for message in far.inbox("zhangsan")] == ["hello 1", "hello 2"]


REFUSALS = {
    "wecom": ("60020:n=2@message/send", "60020", r"127\.0\.0\.1"),
    "wecomcs": ("60020:n=2@send_msg", "60020", r"allow .* in the WeCom admin console"),
    "dingtalk": (
        "403:n=2:code=Forbidden.AccessDenied.IpNotInWhiteList@oToMessages",
        "IpNotInWhiteList",
        "allow .* in the app's security settings",
    ),
}


@pytest.mark.parametrize("platform", KINDS)
async def test_the_second_refusal_in_a_row_asks_for_a_person_and_names_the_mend(
    platform: str, tmp_path: Path
) -> None:
    fault, code, mend = REFUSALS[platform]
    health, inbox = HealthReports(), Inbox()
    async with simulated(platform, strict=True) as far, HttpClient() as http:
        bot = a_bot(far, a_host(http, inbox, tmp_path))
        async with anyio.create_task_group() as tasks:
            if platform == "wecomcs":  # customers are answered, never spoken to first
                await far.push_text("wm1", "hi")
            tasks.start_soon(bot.run, inbox.receive, health.report)
            with anyio.fail_after(PATIENCE):
                await health.until("ok")
            far.faults.set([fault])
            for n in range(2):
                assert "failed" not in health.states
                with pytest.raises(AuthFailed):
                    await bot.send(hello(bot, n))
            reason = await health.until("failed")
            assert reason.startswith("needs credentials")
            assert code in reason
            assert re.search(mend, reason)
            await bot.send(hello(bot, 3))
            assert health.states[-1] == "ok"
            tasks.cancel_scope.cancel()
