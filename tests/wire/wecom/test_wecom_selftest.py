"""The self-test of an application: refused callbacks, networks that fail, mended credentials."""

from __future__ import annotations

import anyio
import pytest
from pydantic import SecretStr
from wecom_here import Here, connected

from mindbot.domain.abilities import Check
from mindbot.domain.ports.platform import WebhookRequest

pytestmark = pytest.mark.anyio
OTHER_KEY = "A" * 43


async def checks(here: Here) -> dict[str, Check]:
    return {check.name: check for check in await here.bot.test()}


@pytest.mark.parametrize(
    ("changed", "why", "mend"),
    [
        ({"token": "wrong"}, "wrong signature", "`token`"),
        ({"EncodingAESKey": OTHER_KEY}, "impossible", "`EncodingAESKey`"),
        ({"corpid": "ww0"}, "wrong receive id", "`corpid`"),
    ],
)
async def test_a_wrong_callback_setting_is_named(changed: dict[str, str], why: str, mend: str) -> None:
    async with connected(**changed) as here:
        for n in range(3):
            await here.sim.push_text("zhangsan", f"{n}")
        found = (await checks(here))["callbacks"]
        assert found.state == "failed"
        assert "refused, the last 0 s ago: " in found.detail and why in found.detail
        assert mend in found.mend
        details = here.bot.details()
        assert details["refused_callbacks"] >= 3 and why in details["last_refusal"]
        assert details["last_refused"] > 1.7e9


async def test_a_refused_verification_of_the_url_counts() -> None:
    async with connected(token="wrong") as here:
        assert not (await here.sim.verify()).ok
        found = (await checks(here))["callbacks"]
        assert (found.state, "`token`" in found.mend) == ("failed", True)
        assert found.detail == "1 refused, the last 0 s ago: wrong signature"


async def test_strangers_make_no_working_bot_fail() -> None:
    async with connected() as here:
        await here.bot.callback(WebhookRequest("GET", "/", {}, b""), here.inbox.receive)
        found = (await checks(here))["callbacks"]
        assert found.state == "skipped"
        assert "none since the start; 1 refused, the last 0 s ago: no echostr" in found.detail
        await here.sim.push_text("zhangsan", "hello")
        forged = {"msg_signature": "0" * 40, "timestamp": "1", "nonce": "n", "echostr": "x"}
        for _ in range(50):
            await here.bot.callback(WebhookRequest("GET", "/", forged, b""), here.inbox.receive)
        found = (await checks(here))["callbacks"]
        assert found.state == "ok"
        assert "1 since the start" in found.detail and "50 refused" in found.detail


async def test_a_verified_url_proves_the_settings() -> None:
    async with connected() as here:
        forged = {"msg_signature": "0" * 40, "timestamp": "1", "nonce": "n", "echostr": "x"}
        await here.bot.callback(WebhookRequest("GET", "/", forged, b""), here.inbox.receive)
        assert (await checks(here))["callbacks"].state == "failed"
        assert (await here.sim.verify()).ok
        found = (await checks(here))["callbacks"]
        assert found.state == "skipped" and "1 refused" in found.detail


async def test_a_network_that_fails_is_no_wrong_secret() -> None:
    async with connected(api_base_url="http://127.0.0.1:1", callback=False) as here:
        token = (await checks(here))["access token"]
        assert token.state == "failed" and "127.0.0.1, port 1?" in token.mend
        assert "secret" not in token.mend
    async with connected(fault="500@agent/get") as here:
        app = (await checks(here))["application"]
        assert app.state == "failed" and "firewall" in app.mend and "agent_id" not in app.mend


class Drawer:
    """Secrets, of which the app's is wrong until it is mended."""

    def __init__(self) -> None:
        self.mended = False

    async def aget(self, value: SecretStr, /) -> str:
        text = value.get_secret_value()
        return "wrong" if text == "sim-wecom-secret" and not self.mended else text


async def test_credentials_that_the_test_proves_clear_the_state() -> None:
    drawer = Drawer()
    async with connected(secrets=drawer) as here, anyio.create_task_group() as tasks:
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        assert "needs credentials" in await here.health.until("failed")
        first = (await checks(here))["access token"]
        assert first.state == "failed" and "not asked again" in first.detail
        assert "`mindbot platform restart wecom/hr` asks at once" in first.mend
        assert here.health.reports[-1][0] == "failed"
        drawer.mended = True
        assert {check.state for check in (await checks(here)).values()} <= {"ok", "skipped"}
        assert here.health.reports[-1] == ("ok", "")
        tasks.cancel_scope.cancel()


async def test_pushes_need_the_agent_id() -> None:
    async with connected(agent_id=None) as here:
        found = (await checks(here))["application"]
        assert "pushes need `agent_id`" in found.detail and "agent_id" in found.mend
