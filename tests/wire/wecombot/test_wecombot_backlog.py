"""Callbacks that a store cannot take for a while keep their order, and outlive the run that got them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from wecombot_here import Here, connected, settings

from mindbot.domain.errors import StoreError
from mindbot.domain.message import Message
from mindbot.platforms.wecombot import backlog
from mindbot.platforms.wecombot.connection import ConnectionBot
from mindbot.testing.platforms import running
from mindbot.testing.waiting import until

pytestmark = pytest.mark.anyio


def refuse(here: Here, wanted: Callable[[Message], bool] = lambda message: True) -> Counter[str]:
    """Let the store take nothing of what is wanted; returns how often each text was refused."""
    tries: Counter[str] = Counter()

    def refuses(message: Message) -> bool:
        tries[message.text] += wanted(message)
        return wanted(message)

    here.inbox.refuses = refuses
    here.keep.error = StoreError("no space left on the device")
    return tries


def free(here: Here) -> None:
    """Let the store take everything again."""
    here.inbox.refuses = lambda message: False
    here.keep.error = None


async def pushed(here: Here, *texts: str, user: str = "li") -> None:
    for text in texts:
        assert (await here.sim.push_text(user, text)).acked


async def test_callbacks_of_a_chat_are_stored_in_the_order_they_came() -> None:
    async with connected() as here:
        tries = refuse(here)
        await pushed(here, "m0")
        await until(lambda: tries["m0"] >= 5)  # each further try of it is a good while away
        await pushed(here, "m1", "m2", "m3")
        await until(lambda: here.bot.details()["callbacks"] == 4)
        free(here)
        await until(lambda: len(here.inbox.messages) == 4)
        assert here.texts() == ["m0", "m1", "m2", "m3"] and here.bot.details()["unstored"] == 0


@pytest.mark.full
async def test_a_row_that_cannot_be_stored_holds_up_its_own_chat_alone() -> None:
    async with connected() as here:
        tries = refuse(here, lambda message: message.sender == "li")
        await pushed(here, "stuck")
        await until(lambda: tries["stuck"] >= 2)
        await pushed(here, "behind it")
        await pushed(here, "one", "two", user="wang")
        await until(lambda: len(here.inbox.messages) == 2)
        assert here.texts() == ["one", "two"] and here.bot.details()["unstored"] == 2
        assert not tries["behind it"]


async def test_nothing_more_is_read_while_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_MOST", 2)
    async with connected(ping=0.1, answer_timeout=0.1) as here:
        tries = refuse(here)
        texts = [f"m{n}" for n in range(6)]
        await pushed(here, *texts)
        await until(lambda: tries["m0"] >= 5)
        assert here.bot.details()["unstored"] == 3, "it holds the one it has read"
        free(here)
        await until(lambda: len(here.inbox.messages) == 6)
        assert here.texts() == texts
        assert here.bot.details()["connection"]["opened"] == 1, "silence was its own doing"


@pytest.mark.parametrize("changed", [False, True], ids=["restarted", "changed by a reload"])
async def test_what_one_run_could_not_store_the_next_one_does(
    changed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(backlog, "_LAST", 0.05)
    async with connected(run=False) as here:
        assert isinstance(here.bot, ConnectionBot)
        async with running(here.bot, here.inbox, here.health):
            refuse(here)
            await pushed(here, "m0", "m1", "m2")
            await pushed(here, "elsewhere", user="wang")
            await until(lambda: here.bot.details()["unstored"] == 4)
        assert not here.inbox.messages
        logged = [line for line in capsys.readouterr().out.splitlines() if "callbacks are not stored" in line]
        assert len(logged) == 1 and "error" in logged[0] and "count=4" in logged[0]
        free(here)
        if changed:
            new = settings(here.sim, "connection", welcome_message="hello", answer_timeout=0.5)
            here.bot = ConnectionBot(new, "hr", here.host, backoff=0.02)
        here.health.reports.clear()
        async with running(here.bot, here.inbox, here.health):
            await until(lambda: len(here.inbox.messages) == 4)
            await here.asked("m3")
        of_li = [message.text for message in here.inbox.messages if message.sender == "li"]
        assert of_li == ["m0", "m1", "m2", "m3"] and "elsewhere" in here.texts()


async def test_a_run_that_ends_stores_what_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    async with connected(run=False) as here:
        async with running(here.bot, here.inbox, here.health):
            tries = refuse(here)
            await pushed(here, "m0", "m1")
            await until(lambda: tries["m0"] >= 5 and here.bot.details()["unstored"] == 2)
            free(here)  # and the next try is a good while away
        assert here.texts() == ["m0", "m1"]
        assert "callbacks are not stored" not in capsys.readouterr().out


async def test_an_event_is_answered_while_the_next_callback_is_stored(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with connected(
        welcome_message="hello", fault="hang@aibot_respond_welcome_msg", answer_timeout=10
    ) as here:
        await here.sim.enter("li")
        await until(lambda: here.sim.counters["aibot_respond_welcome_msg"])
        await here.asked("at once")
        assert here.texts() == ["[enter_chat]", "at once"]
        assert "event not answered" not in capsys.readouterr().out, "it is still being answered"
