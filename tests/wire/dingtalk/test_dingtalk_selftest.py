"""The self-test of a DingTalk robot: its end, its robot code, and credentials that were mended."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest
from dingtalk_here import Here, a_delivery, connected
from pydantic import SecretStr

from mindbot.domain.abilities import Check
from mindbot.domain.errors import AuthFailed
from mindbot.platforms import self_test
from mindbot.platforms.dingtalk.adapter import DingTalkPlatform
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


async def checks(bot: DingTalkPlatform) -> dict[str, Check]:
    return {check.name: check for check in await bot.test()}


async def test_another_robots_code_is_found_out() -> None:
    async with connected(robot_code="somebody-else") as here:
        found = (await checks(here.bot))["sending"]
        assert found.state == "failed" and "robot_code" in found.mend
        assert here.shown() == []


async def test_where_nobody_tells_the_code_is_said_to_be_unchecked() -> None:
    async with connected(fault="400:code=invalid.processQueryKey@batchRecall") as here:
        found = (await checks(here.bot))["sending"]
        assert (found.state, found.detail) == ("ok", "allowed; `robot_code` not checked")


async def test_an_api_that_hangs_does_not_keep_anybody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert self_test.LONGEST <= 20
    monkeypatch.setattr(self_test, "LONGEST", 0.5)
    async with connected() as here:
        here.sim.faults.set(["hang@batchSend", "hang@connections/open", "hang@user/get"])
        with anyio.fail_after(PATIENCE):
            found = await checks(here.bot)
        for name in ("stream gateway", "sending", "members"):
            assert (found[name].state, found[name].detail) == ("failed", "no answer")
            assert "127.0.0.1, port" in found[name].mend
        assert found["access token"].state == "ok"


async def test_a_network_that_fails_is_no_wrong_secret() -> None:
    async with connected(run=False, api_base_url="http://127.0.0.1:1") as here:
        found = await checks(here.bot)
        for name in ("access token", "stream gateway"):
            assert found[name].state == "failed" and "127.0.0.1, port 1?" in found[name].mend
            assert "client_secret" not in found[name].mend


class Drawer:
    """Secrets, which are wrong until they are mended."""

    def __init__(self) -> None:
        self.mended = False

    async def aget(self, value: SecretStr, /) -> str:
        return value.get_secret_value() if self.mended else "wrong"


async def test_connections_whose_credentials_the_test_proves_are_opened() -> None:
    async with connected(run=False) as here, anyio.create_task_group() as tasks:
        drawer = Drawer()
        bot = DingTalkPlatform(here.bot._settings, "hr", replace(here.bot._host, secrets=drawer))
        tasks.start_soon(bot.run, here.inbox.receive, here.health.report)
        assert "needs credentials" in await here.health.until("failed")
        refused = await checks(bot)
        assert refused["connections"].state == "failed"
        assert "client_secret" in refused["connections"].mend and "port" not in refused["connections"].mend
        drawer.mended = True
        assert {check.state for check in (await checks(bot)).values()} == {"ok"}
        assert here.health.reports[-1] == ("ok", "")
        tasks.cancel_scope.cancel()


async def twice_refused(here: Here) -> None:
    for n in range(2):
        with pytest.raises(AuthFailed):
            await here.bot.send(a_delivery(here.bot.address("li"), "hi", n=n))
    assert here.health.reports[-1][0] == "failed"


async def test_sends_that_were_refused_are_forgotten_when_the_test_proves_the_credentials() -> None:
    async with connected(fault=["expired-token:n=4@batchSend"]) as here:
        await twice_refused(here)
        assert {check.state for check in (await checks(here.bot)).values()} == {"ok"}
        assert here.health.reports[-1] == ("ok", "")
    async with connected(fault=["expired-token:n=20@batchSend"]) as here:
        await twice_refused(here)
        assert (await checks(here.bot))["sending"].state == "failed"
        assert here.health.reports[-1][0] == "failed"
