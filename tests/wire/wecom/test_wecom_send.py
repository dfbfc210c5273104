"""Sending over real sockets against the simulator: tokens, retries, refusals, and what is said of them."""

import anyio
import pytest
from pydantic import SecretStr
from wecom_here import a_delivery, connected

from mindbot.domain.errors import (
    AuthFailed,
    NetworkFailed,
    Overloaded,
    RateLimited,
    Rejected,
    SecretError,
    VendorError,
)
from mindbot.domain.message import Part
from mindbot.platforms.wecom.adapter import WeComPlatform
from mindbot.testing.platforms import HealthReports, Inbox, PlainSecrets

pytestmark = pytest.mark.anyio


async def test_text_and_markdown_arrive_with_one_token() -> None:
    async with connected() as here:
        sent = await here.bot.send(a_delivery("hello"))
        await here.bot.send(a_delivery(Part("markdown", "**hi**"), n=1))
        first, second = here.sim.inbox("zhangsan")
        assert (first.msgtype, first.text, first.msgid) == ("text", "hello", sent.id)
        assert (second.msgtype, second.text) == ("markdown", "**hi**")
        assert here.sim.counters["gettoken"] == 1


async def test_a_hundred_first_sends_share_one_token() -> None:
    async with connected() as here:
        async with anyio.create_task_group() as tasks:
            for n in range(100):
                tasks.start_soon(here.bot.send, a_delivery(f"{n}", n=n, to=f"user{n}"))
        assert here.sim.counters["gettoken"] == 1
        assert sum(here.sim.phones.users().values()) == 100


async def test_what_went_as_text_is_noted() -> None:
    async with connected() as here:
        (parts,) = here.bot.plan([Part("image", "", {"url": "https://example.org/cat.png"})])
        delivery = a_delivery()
        delivery.parts = parts
        assert (await here.bot.send(delivery)).notes == {"sent_as_text": ["image"]}
        assert here.shown() == ["https://example.org/cat.png"]


@pytest.mark.parametrize("fault", ["expired-token", "invalid-token", "40001:n=1@message/send"])
async def test_a_token_not_accepted_is_replaced_once(fault: str) -> None:
    async with connected(fault=fault) as here:
        await here.bot.send(a_delivery())
        assert here.shown() == ["hello"]
        assert here.sim.counters["gettoken"] == 2
        assert here.sim.counters["message/send"] == 2 or fault.startswith("40001")


async def test_many_senders_with_an_expired_token_fetch_one() -> None:
    async with connected() as here:
        await here.bot.send(a_delivery("first"))
        here.sim.tokens.expire_all()
        async with anyio.create_task_group() as tasks:
            for n in range(1, 21):
                tasks.start_soon(here.bot.send, a_delivery(f"{n}", n=n))
        assert here.sim.counters["gettoken"] == 2
        assert len(here.shown()) == 21


async def test_a_token_that_stays_refused_is_given_up() -> None:
    async with connected(fault="42001@message/send") as here:
        with pytest.raises(AuthFailed):
            await here.bot.send(a_delivery())
        assert here.sim.counters["gettoken"] == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("45009@message/send", RateLimited),
        ("45033@message/send", RateLimited),
        ("45009@gettoken", RateLimited),
        ("-1@message/send", Overloaded),
        ("-1@gettoken", Overloaded),
        ("6000@message/send", Overloaded),
        ("502@message/send", NetworkFailed),
        ("503@gettoken", Overloaded),
        ("garbage@gettoken", NetworkFailed),
        ("429@message/send", RateLimited),
        ("404:body=html@message/send", NetworkFailed),
        ("60020@message/send", AuthFailed),
        ("301002@message/send", AuthFailed),
        ("81013@message/send", Rejected),
        ("40201@message/send", Rejected),
        ("424242@message/send", Rejected),
    ],
)
async def test_refusals(fault: str, kind: type[VendorError]) -> None:
    async with connected(fault=fault) as here:
        with pytest.raises(kind) as caught:
            await here.bot.send(a_delivery())
        assert type(caught.value) is kind
        assert not here.shown()


async def test_an_untrusted_ip_is_named() -> None:
    async with connected(fault="60020@message/send") as here:
        with pytest.raises(AuthFailed, match=r"127\.0\.0\.1 .*企业可信IP"):
            await here.bot.send(a_delivery())


@pytest.mark.parametrize("fault", ["garbage@message/send", "lost-answer@message/send", "drop@message/send"])
async def test_an_outcome_nobody_knows(fault: str) -> None:
    async with connected(fault=fault) as here:
        with pytest.raises(NetworkFailed) as caught:
            await here.bot.send(a_delivery())
        assert caught.value.sent


async def test_a_request_that_never_left_is_known_to_be_unsent() -> None:
    async with connected(api_base_url="http://127.0.0.1:1") as here:
        with pytest.raises(NetworkFailed) as caught:
            await here.bot.send(a_delivery())
        assert not caught.value.sent


async def test_a_stranger_is_a_dead_letter_not_a_retry() -> None:
    async with connected() as here:
        with pytest.raises(Rejected, match="81013"):
            await here.bot.send(a_delivery(to="nobody"))


async def test_a_repeat_after_a_restart_is_shown_once_and_equal_answers_twice() -> None:
    async with connected(fault="lost-answer:n=1@message/send") as here:
        with pytest.raises(NetworkFailed):
            await here.bot.send(a_delivery("yes"))
        restarted = here.restarted()
        await restarted.send(a_delivery("yes", again=True))
        assert here.shown() == ["yes"]
        await restarted.send(a_delivery("yes", n=1))
        assert here.shown() == ["yes", "yes"]


async def test_no_agent_id_anywhere_names_the_setting() -> None:
    async with connected(agent_id=None) as here:
        with pytest.raises(Rejected, match="agent_id"):
            await here.bot.send(a_delivery())
        assert not here.sim.counters["message/send"]


class Running:
    """A bot's `run` in the background, and its health."""

    def __init__(self, bot: WeComPlatform) -> None:
        self.bot = bot
        self.health = HealthReports()

    async def __aenter__(self) -> HealthReports:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self.bot.run, Inbox().receive, self.health.report)
        return self.health

    async def __aexit__(self, *_: object) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)


async def test_good_credentials_are_reported_ok() -> None:
    async with connected() as here, Running(here.bot) as health:
        await health.until("ok")
        assert health.states == ["starting", "ok"]
        assert here.sim.counters["gettoken"] == 1


@pytest.mark.parametrize(
    ("changed", "code"), [({"secret": "wrong"}, "40001"), ({"corpid": "wrong"}, "40013")]
)
async def test_wrong_credentials_are_reported_and_not_tried_again(changed: dict[str, str], code: str) -> None:
    async with connected(**changed) as here, Running(here.bot) as health:
        reason = await health.until("failed")
        assert "needs credentials" in reason
        assert code in reason
        assert "wrong" not in reason.replace("is wrong", "")
        for n in range(5):
            with pytest.raises(AuthFailed):
                await here.bot.send(a_delivery(n=n))
        assert here.sim.counters["gettoken"] == 1  # WeCom bans callers that go on guessing


@pytest.mark.parametrize("fault", ["drop:n=2@gettoken", "503:n=2@gettoken", "-1:n=2@gettoken"])
async def test_a_network_that_fails_at_the_start_is_tried_again(fault: str) -> None:
    async with connected(fault=fault) as here, Running(here.bot) as health:
        await health.until("ok")
        assert health.states == ["starting", "degraded", "degraded", "ok"]


async def test_two_refusals_in_a_row_are_reported_and_a_success_mends_it() -> None:
    async with connected() as here, Running(here.bot) as health:
        await health.until("ok")
        here.sim.faults.set(["60020:n=2@message/send"])
        for n in range(2):
            assert health.states[-1] == "ok"
            with pytest.raises(AuthFailed):
                await here.bot.send(a_delivery(n=n))
        assert "127.0.0.1" in await health.until("failed")
        await here.bot.send(a_delivery(n=2))
        assert health.states == ["starting", "ok", "failed", "ok"]


class Keyring(PlainSecrets):
    """Holds the app secret under a name, and may be mended."""

    secret = "outdated"

    async def aget(self, value: SecretStr, /) -> str:
        shown = await super().aget(value)
        return self.secret if shown == "keyring:app" else shown


async def test_a_restart_is_enough_after_a_secret_was_mended() -> None:
    keyring = Keyring()
    async with connected(secret="keyring:app", secrets=keyring) as here:
        async with Running(here.bot) as health:
            await health.until("failed")
        keyring.secret = here.sim.settings.secret
        async with Running(here.bot) as health:
            await health.until("ok")
            await here.bot.send(a_delivery())
        assert here.shown() == ["hello"]


class ForgetfulSecrets(PlainSecrets):
    async def aget(self, value: SecretStr, /) -> str:
        if value.get_secret_value() == "keyring:gone":
            raise SecretError("keyring:gone is not there", hint="mindbot secret set gone")
        return await super().aget(value)


async def test_a_missing_app_secret_is_an_auth_failure_with_the_mend() -> None:
    async with connected(secret="keyring:gone", secrets=ForgetfulSecrets()) as here:
        with pytest.raises(AuthFailed, match="mindbot secret set gone"):
            await here.bot.send(a_delivery())


@pytest.mark.parametrize("fault", ["drop", "garbage", "500", "60020", "40001", "lost-answer"])
async def test_no_error_shows_secret_or_token(fault: str) -> None:
    for path in ("gettoken", "message/send"):
        async with connected(fault=f"{fault}@{path}") as here:
            with pytest.raises(VendorError) as caught:
                await here.bot.send(a_delivery())
            chain: BaseException | None = caught.value
            while chain is not None:
                said = f"{chain} {chain!r} {chain.args}"
                assert here.sim.settings.secret not in said
                assert "access_token=" not in said
                chain = chain.__cause__ or chain.__context__
