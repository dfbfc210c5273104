"""What comes of trying failures of one cause again: told of each, until it has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import Conflict, Rejected
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports.platform import Platform, Receive, Report
from mindbot.domain.shapes.failures import RerunsJson
from mindbot.runtime.app import Runtime
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

HOUR = 3600.0


class Line:
    """A bot that cannot plan an answer, or whose users are out of reach, while it says so."""

    name, bot, idempotent = "line", "default", True

    def __init__(self) -> None:
        self.broken, self.refuses = False, False

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        if self.broken:
            raise KeyError("a mistake of the adapter")
        return [[part] for part in parts]

    def address(self, user: str) -> Json:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        if self.refuses:
            raise Rejected("refused: 40004 invalid session")
        return Sent("sent")


@asynccontextmanager
async def a_runtime(folder: Path, line: Platform) -> AsyncIterator[Runtime]:
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), folder, store=MemoryPlaces().store) as runtime:
            runtime.bots.use({("line", "default"): (Bot.of(line), None)})
            yield runtime


async def said(runtime: Runtime, user: str) -> str:
    """Let a user say something; returns the turn when nothing of it waits any more."""
    session = f"line:default:{user}"
    message = Message("line", "default", f"m-{user}", session, user, "text", (text_part("hello"),), {})
    turn = ids.show((await runtime.receive(message)).turn)
    await runtime.resources.turns.wait_sent(turn, PATIENCE)
    return turn


async def over(runtime: Runtime, bundle: str) -> RerunsJson:
    """Return what came of trying again, when all have ended."""
    while not (found := await runtime.resources.failures.reruns(bundle))["ended"]:
        await anyio.sleep(0.001)
    return found


async def test_turns_tried_again_are_followed_to_their_ends(tmp_path: Path) -> None:
    line = Line()
    async with a_runtime(tmp_path, line) as runtime:
        failures, letters = runtime.resources.failures, runtime.resources.dead_letters
        line.broken = True
        turns = [await said(runtime, user) for user in ("lin", "mei")]
        [bundle] = (await failures.failures(HOUR))["bundles"]
        assert (await failures.reruns(bundle["id"])) == {"ended": True, "reruns": []}
        done = await failures.retry(bundle["id"], HOUR)
        assert [each["done"] for each in done["settled"]] == [True, True]
        found = await over(runtime, bundle["id"])
        assert {(each["id"], each["outcome"]) for each in found["reruns"]} == {(t, "failed") for t in turns}
        assert {each["user"] for each in found["reruns"]} == {"lin", "mei"}
        assert "KeyError" in found["reruns"][0]["why"]
        line.broken = False
        await failures.retry(bundle["id"], HOUR)
        found = await over(runtime, bundle["id"])
        assert [each["outcome"] for each in found["reruns"]] == ["answered", "answered"]
        assert (await failures.failures(HOUR))["bundles"] == [], "told also when the bundle is over"
        with pytest.raises(Conflict, match=f"{turns[0]} is answered, neither failed nor dead"):
            await letters.retry_turn(turns[0])


async def test_answers_sent_again_are_followed_to_their_ends(tmp_path: Path) -> None:
    line = Line()
    async with a_runtime(tmp_path, line) as runtime:
        failures = runtime.resources.failures
        line.refuses = True
        turn = await said(runtime, "lin")
        [bundle] = (await failures.failures(HOUR))["bundles"]
        assert bundle["kind"] == "undelivered"
        for refuses, outcome in ((True, "failed"), (False, "answered")):
            line.refuses = refuses
            await failures.retry(bundle["id"], HOUR)
            [rerun] = (await over(runtime, bundle["id"]))["reruns"]
            assert (rerun["id"], rerun["turn"], rerun["outcome"]) == (f"{turn}-0", turn, outcome)
            assert ("40004" in rerun["why"]) == refuses
