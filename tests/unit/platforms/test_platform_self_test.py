"""The steps of a bot's self-test: what mends a failure, and when the test ends."""

from __future__ import annotations

import anyio
import pytest

from mindbot.domain.abilities import Check
from mindbot.domain.errors import AuthFailed, MindBotError, NetworkFailed, Overloaded, Rejected, TimedOut
from mindbot.platforms.self_test import SelfTest, reach
from mindbot.platforms.sizes import megabytes
from mindbot.platforms.tokens import Lent, TokenCache
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio
URL = "https://api.example.com/v1"
NETWORK = "can this machine reach api.example.com, port 443? proxy, firewall"


@pytest.mark.parametrize(
    ("error", "mend"),
    [
        (NetworkFailed("no connection", sent=False), NETWORK),
        (TimedOut("no answer"), NETWORK),
        (Overloaded("HTTP 500", code="500"), NETWORK),
        (Rejected("no"), "`secret`"),
        (AuthFailed("wrong", code="40001"), "`secret`"),
        (AuthFailed("wrong", hint="compare `corpid`"), "compare `corpid`"),
    ],
)
async def test_a_setting_is_blamed_for_refusals_alone(error: MindBotError, mend: str) -> None:
    async def work() -> str:
        raise error

    (check,) = await SelfTest("wecom/hr", URL).step("token", work, "`secret`")
    assert (check.state, check.detail) == ("failed", error.message)
    assert check.mend.endswith(mend)


async def test_what_does_not_end_has_failed_and_holds_no_other_step_up() -> None:
    trial = SelfTest("wecom/hr", URL, seconds=0.1)

    async def forever() -> str:
        await anyio.sleep_forever()
        raise AssertionError

    async def quick() -> str:
        return "done"

    found = await trial.together(trial.step("slow", forever, ""), trial.step("quick", quick, ""))
    assert found == [Check("slow", "failed", "no answer", NETWORK), Check("quick", "ok", "done")]
    assert await trial.step("late", forever, "") == [Check("late", "failed", "no answer", NETWORK)]


async def test_steps_run_side_by_side() -> None:
    both = [anyio.Event(), anyio.Event()]

    async def meet(n: int) -> str:
        both[n].set()
        await both[1 - n].wait()
        return ""

    trial = SelfTest("wecom/hr", URL)
    with anyio.fail_after(PATIENCE):
        found = await trial.together(*(trial.step(str(n), lambda n=n: meet(n), "") for n in range(2)))
    assert [check.state for check in found] == ["ok", "ok"]


class App:
    """An app whose secret is refused; ``now`` is its clock."""

    def __init__(self) -> None:
        self.now, self.asked = 0.0, 0
        self.cache = TokenCache(self.fetch, clock=lambda: self.now)
        self.token, self.held = self.cache.get, self.cache.held

    async def fetch(self) -> Lent:
        self.asked += 1
        raise AuthFailed("gettoken: the app secret is wrong (errcode 40001)", hint="compare `secret`")


async def test_a_remembered_refusal_is_told_as_one() -> None:
    app = App()
    trial = SelfTest("wecom/hr", URL)
    (fresh,) = await trial.token("access token", app, "")
    assert (fresh.detail, fresh.mend) == (
        "gettoken: the app secret is wrong (errcode 40001)",
        "compare `secret`",
    )
    app.now += 12
    (again,) = await trial.token("access token", app, "")
    assert again.detail.endswith("(errcode 40001); refused 12 s ago, not asked again for 18 s")
    assert again.mend == "compare `secret`; `mindbot platform restart wecom/hr` asks at once"
    assert app.asked == 1
    app.now += 18
    assert (await trial.token("access token", app, ""))[0].detail == fresh.detail
    assert app.asked == 2


def test_hosts_are_named_with_their_port() -> None:
    assert "127.0.0.1, port 1?" in reach("http://127.0.0.1:1")
    assert "a.example, port 443 and b.example, port 80?" in reach("wss://a.example/x", "ws://b.example")


@pytest.mark.parametrize(
    ("size", "said"), [(30_000_000, "28.6 MB"), (20 << 20, "20.0 MB"), (1234, "1,234 bytes")]
)
def test_sizes_have_one_unit(size: int, said: str) -> None:
    assert megabytes(size) == said
