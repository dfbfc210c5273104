"""What a directory is spared, and what it cannot hold up."""

from __future__ import annotations

import anyio
import pytest

from mindbot.domain.errors import Overloaded, Rejected
from mindbot.domain.message import Json
from mindbot.pipeline.directory import Directory, Found

pytestmark = pytest.mark.anyio


class Far:
    """A directory whose answers can be held back; a clock that stands still."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.open = anyio.Event()
        self.open.set()
        self.fails: Exception | None = None
        self.now = 100.0

    async def __call__(self, id: str) -> Json:
        self.asked.append(id)
        await self.open.wait()
        if self.fails is not None:
            raise self.fails
        return {"name": id}


def a_directory(far: Far, timeout: float = 5.0) -> Directory:
    return Directory(timeout=timeout, keep=60, retry=10, clock=lambda: far.now)


async def test_many_who_ask_for_one_person_at_once_ask_once() -> None:
    far = Far()
    far.open = anyio.Event()
    directory = a_directory(far)
    found: list[Found] = []

    async def ask() -> None:
        found.append(await directory.find(("p", "b", "lin"), far))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        far.open.set()
    assert far.asked == ["lin"]
    assert [each.user for each in found] == [{"name": "lin"}] * 5


async def test_whoever_asks_gives_up_and_another_asks_in_its_place() -> None:
    far = Far()
    far.open = anyio.Event()
    directory = a_directory(far)
    found: list[Found] = []

    async def ask(scope: anyio.CancelScope) -> None:
        with scope:
            found.append(await directory.find(("p", "b", "lin"), far))

    first = anyio.CancelScope()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, first)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(ask, anyio.CancelScope())
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        await anyio.wait_all_tasks_blocked()
        far.open.set()
    assert far.asked == ["lin", "lin"] and [each.user for each in found] == [{"name": "lin"}]


async def test_what_is_known_is_asked_again_when_its_time_is_over() -> None:
    far = Far()
    directory = a_directory(far)
    person = ("p", "b", "lin")
    await directory.find(person, far)
    assert (await directory.find(person, far)).cached
    far.now += 61
    assert not (await directory.find(person, far)).cached
    assert len(far.asked) == 2


async def test_somebody_unknown_is_asked_for_again_after_a_while() -> None:
    far = Far()
    far.fails = Rejected("60121: no such user")
    directory = a_directory(far)
    person = ("p", "b", "out")
    for _ in range(3):
        assert "60121" in (await directory.find(person, far)).error
    assert len(far.asked) == 1
    far.now += 11
    far.fails = None
    assert (await directory.find(person, far)).user == {"name": "out"}


async def test_a_directory_that_hangs_is_waited_for_briefly_and_then_left_alone() -> None:
    far = Far()
    far.open = anyio.Event()
    directory = a_directory(far, timeout=0.01)
    for n in range(3):
        assert (await directory.find(("p", "b", f"u{n}"), far)).error == "no answer in 0.01s"
    left = await directory.find(("p", "b", "u3"), far)
    assert "3 times in a row" in left.error and len(far.asked) == 3
    far.open.set()
    assert (await directory.find(("p", "other", "u3"), far)).user, "another bot's is asked"
    far.now += 11
    assert (await directory.find(("p", "b", "u3"), far)).user == {"name": "u3"}


async def test_a_refusal_of_one_question_does_not_count_as_down() -> None:
    far = Far()
    directory = a_directory(far)
    for n, error in enumerate((Overloaded("busy"), Overloaded("busy"), Rejected("no such user"))):
        far.fails = error
        await directory.find(("p", "b", f"u{n}"), far)
    far.fails = Overloaded("busy")
    await directory.find(("p", "b", "u4"), far)
    far.fails = None
    assert (await directory.find(("p", "b", "u5"), far)).user
