"""The token cache: one fetch at a time, renewed early, gentle after a refusal."""

import anyio
import pytest

from mindbot.domain.errors import AuthFailed, MindBotError, NetworkFailed, Overloaded, RateLimited, Rejected
from mindbot.domain.shared import Shared
from mindbot.platforms.tokens import AppTokens, Lent, TokenCache

pytestmark = pytest.mark.anyio


class Lender:
    """Lends t1, t2, … for two hours, or raises what it is told to; a clock to turn."""

    def __init__(self, lifetime: float = 7200.0) -> None:
        self.now = 1000.0
        self.lifetime = lifetime
        self.fetches = 0
        self.error: MindBotError | None = None
        self.open = anyio.Event()
        self.open.set()
        self.cache = TokenCache(self.fetch, clock=lambda: self.now)

    async def fetch(self) -> Lent:
        self.fetches += 1
        await self.open.wait()
        if self.error:
            raise self.error
        return Lent(f"t{self.fetches}", self.lifetime)


async def test_one_fetch_serves_all_who_ask_at_once() -> None:
    lender = Lender()
    lender.open = anyio.Event()
    got: list[str] = []

    async def ask() -> None:
        got.append(await lender.cache.get())

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        lender.open.set()
    assert got == ["t1"] * 20
    assert lender.fetches == 1


async def test_a_lost_answer_sent_nothing_of_a_message() -> None:
    lender = Lender()
    lender.error = NetworkFailed("gone", code="reset", sent=True)
    for _ in range(2):
        with pytest.raises(NetworkFailed) as caught:
            await lender.cache.get()
        assert (caught.value.sent, caught.value.code, caught.value.message) == (False, "reset", "gone")
    assert lender.fetches == 2


async def test_renewed_five_minutes_before_its_end() -> None:
    lender = Lender()
    assert await lender.cache.get() == "t1"
    lender.now += 6899
    assert await lender.cache.get() == "t1"
    lender.now += 1
    assert await lender.cache.get() == "t2"


async def test_a_short_token_is_renewed_half_way() -> None:
    lender = Lender(lifetime=60)
    assert await lender.cache.get() == "t1"
    lender.now += 29
    assert await lender.cache.get() == "t1"
    lender.now += 1
    assert await lender.cache.get() == "t2"


async def test_nobody_waits_for_a_renewal_while_the_old_token_is_valid() -> None:
    lender = Lender()
    await lender.cache.get()
    lender.now += 7000
    lender.open = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lender.cache.get)
        await anyio.wait_all_tasks_blocked()
        assert await lender.cache.get() == "t1"
        lender.open.set()
    assert await lender.cache.get() == "t2"


async def test_a_failing_renewal_changes_nothing_until_the_token_ends() -> None:
    lender = Lender()
    await lender.cache.get()
    lender.now += 7000
    lender.error = Overloaded("busy")
    assert await lender.cache.get() == "t1"
    assert await lender.cache.get() == "t1"
    assert lender.fetches == 2  # not at every call
    lender.now += 200
    with pytest.raises(Overloaded):
        await lender.cache.get()
    lender.error = None
    assert await lender.cache.get() == "t4"


async def test_those_who_waited_share_a_failure() -> None:
    lender = Lender()
    lender.open = anyio.Event()
    lender.error = Overloaded("busy")
    failed = 0

    async def ask() -> None:
        nonlocal failed
        with pytest.raises(Overloaded):
            await lender.cache.get()
        failed += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        lender.open.set()
    assert (failed, lender.fetches) == (20, 1)
    lender.error = None
    assert await lender.cache.get() == "t2"


@pytest.mark.parametrize(
    ("error", "hold"), [(AuthFailed("wrong secret"), 30), (RateLimited("slower", retry_after=60), 60)]
)
async def test_after_a_refusal_nobody_asks_for_a_while(error: MindBotError, hold: float) -> None:
    lender = Lender()
    lender.error = error
    for _ in range(5):
        with pytest.raises(type(error)):
            await lender.cache.get()
    assert lender.fetches == 1
    lender.error = None
    lender.now += hold
    assert await lender.cache.get() == "t2"


async def test_dropped_once_however_many_saw_it_refused() -> None:
    lender = Lender()
    await lender.cache.get()
    lender.cache.drop("t1")
    assert await lender.cache.get() == "t2"
    lender.cache.drop("t1")
    assert await lender.cache.get() == "t2"
    assert lender.fetches == 2


async def test_a_cancelled_fetch_is_left_to_the_next() -> None:
    lender = Lender()
    lender.open = anyio.Event()
    got: list[str] = []

    async def ask() -> None:
        got.append(await lender.cache.get())

    async with anyio.create_task_group() as tasks:
        with anyio.move_on_after(0):
            await lender.cache.get()
        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        lender.open.set()
    assert len(got) == 1


async def test_a_token_is_proved_anew_unless_it_was_fetched_just_now() -> None:
    lender = Lender()
    assert await lender.cache.get() == "t1"
    lender.now += 30
    lender.cache.prove()
    assert await lender.cache.get() == "t1"
    lender.now += 60
    lender.cache.prove()
    assert await lender.cache.get() == "t2"


async def test_the_old_token_serves_others_while_it_is_proved() -> None:
    lender = Lender()
    await lender.cache.get()
    lender.now += 600
    lender.cache.prove()
    lender.open = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lender.cache.get)
        await anyio.wait_all_tasks_blocked()
        assert await lender.cache.get() == "t1"
        lender.open.set()
    assert await lender.cache.get() == "t2"


@pytest.mark.parametrize(("error", "kept"), [(AuthFailed("reset"), False), (Overloaded("busy"), True)])
async def test_a_proof_that_is_refused_ends_the_old_token_and_one_that_fails_does_not(
    error: MindBotError, kept: bool
) -> None:
    lender = Lender()
    await lender.cache.get()
    lender.now += 600
    lender.cache.prove()
    lender.error = error
    if kept:
        assert await lender.cache.get() == "t1"
    else:
        with pytest.raises(AuthFailed):
            await lender.cache.get()


async def test_mended_credentials_are_asked_for_at_once() -> None:
    lender = Lender()
    lender.error = AuthFailed("wrong secret")
    with pytest.raises(AuthFailed):
        await lender.cache.get()
    lender.error = None
    lender.cache.prove()
    assert await lender.cache.get() == "t2"


class Senders:
    """Makes senders that read one secret; keeps what was fetched with which."""

    def __init__(self) -> None:
        self.shared = Shared()
        self.secret = "one"
        self.fetched: list[str] = []
        self.refused: set[str] = set()

    def sender(self, app: str = "corp") -> AppTokens:
        return AppTokens(self.shared, ("vendor", "https://api.example.com", app), self.read, self.fetch)

    async def read(self) -> str:
        return self.secret

    async def fetch(self, secret: str) -> Lent:
        await anyio.lowlevel.checkpoint()
        self.fetched.append(secret)
        if secret in self.refused:
            raise AuthFailed("no")
        return Lent(f"{secret}-{len(self.fetched)}", 7200.0)


async def test_senders_of_one_app_share_its_token_and_see_each_other_drop_it() -> None:
    far = Senders()
    senders = [far.sender() for _ in range(5)]
    got: list[str] = []

    async def ask(sender: AppTokens) -> None:
        got.append(await sender.get())

    async with anyio.create_task_group() as tasks:
        for sender in senders * 4:
            tasks.start_soon(ask, sender)
    assert got == ["one-1"] * 20
    senders[0].drop("one-1")
    senders[1].drop("one-1")
    assert [await sender.get() for sender in senders] == ["one-2"] * 5
    assert await far.sender("another corp").get() == "one-3"
    assert len(far.fetched) == 3


async def test_a_new_adapter_of_a_reload_needs_no_token_of_its_own() -> None:
    far = Senders()
    old = far.sender()
    await old.get()
    del old
    fresh = far.sender()
    fresh.renew()
    await fresh.get()
    assert far.fetched == ["one"]


async def test_another_secret_is_another_token_and_a_mended_one_is_read_by_itself() -> None:
    far = Senders()
    far.refused.add("one")
    sender, other = far.sender(), far.sender()
    for _ in range(3):
        with pytest.raises(AuthFailed):
            await sender.get()
    with pytest.raises(AuthFailed):
        await other.get()
    assert far.fetched == ["one"]  # a refusal holds for all who have the same secret
    far.secret = "two"
    assert await sender.get() == "two-2"
    assert await other.get() == "two-2"


async def test_a_restart_asks_again_although_nothing_changed_here() -> None:
    far = Senders()
    far.refused.add("one")
    sender = far.sender()
    with pytest.raises(AuthFailed):
        await sender.get()
    far.refused.clear()  # mended on the platform's side
    sender.renew()
    assert await sender.get() == "one-2"


async def test_no_key_holds_a_secret() -> None:
    far = Senders()
    far.secret = "a-very-secret-text"
    await far.sender().get()
    assert "very-secret" not in repr(list(far.shared._recent))


async def test_a_refused_token_says_nothing_against_a_message() -> None:
    lender = Lender()
    lender.error = Rejected("something new (errcode 77)", hint="ask", code="77")
    with pytest.raises(AuthFailed, match="errcode 77") as caught:
        await lender.cache.get()
    assert (caught.value.code, caught.value.hint, type(caught.value.__cause__)) == ("77", "ask", Rejected)
