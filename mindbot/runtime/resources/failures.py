"""Failures of the last hours by their cause, and trying a whole bundle again."""

from __future__ import annotations

import time

import anyio

from mindbot.domain import ids
from mindbot.domain.errors import MindBotError, NotFound
from mindbot.domain.failures import Bundle, bundles_of
from mindbot.domain.ports.store import Store
from mindbot.domain.shapes.failures import FailuresJson, OpenBundleJson, RerunsJson, RetriedBundleJson
from mindbot.domain.shapes.turns import SettledJson, TurnLineJson
from mindbot.runtime.resources.dead_letters import DeadLetterResource
from mindbot.runtime.resources.questions import Questions
from mindbot.runtime.resources.reruns import Reruns
from mindbot.telemetry.redaction import redactor

_MOST = 2000  # turns that are looked at, the newest ones
_PAGE = 200
_FRESH = 1.0  # seconds that an answer is given again: several consoles ask at once
_REST = 5  # times as long as it took to read them: a large history is not read all the time
_LETTERS = 1000  # that are listed, and tried again, at once


class FailureResource:
    """Answers ``/v1/failures``. Everything is read from the store when it is asked for."""

    def __init__(self, store: Store, questions: Questions, dead_letters: DeadLetterResource) -> None:
        self._store = store
        self._questions = questions
        self._dead_letters = dead_letters
        self._reruns = Reruns()
        self._lock = anyio.Lock()
        self._known: tuple[float, float, list[Bundle], bool] = (0.0, -1e9, [], False)

    async def failures(self, window: float) -> FailuresJson:
        """Return the bundles of the last ``window`` seconds."""
        bundles, more = await self._bundles(window)
        looked = len({turn["id"] for bundle in bundles for turn in bundle.turns})
        found: FailuresJson = redactor.known(
            {
                "window_s": window,
                "looked": looked,
                "more": more,
                "bundles": [each.to_json() for each in bundles],
            }
        )
        return found

    async def bundle(self, id: str, window: float) -> OpenBundleJson:
        """Return one with its people; raises NotFound."""
        found: OpenBundleJson = redactor.known((await self._bundle(id, window)).opened())
        return found

    async def retry(self, id: str, window: float) -> RetriedBundleJson:
        """Try again what people of a bundle wait for, each by itself; raises NotFound.

        Who has had an answer since is left alone: an old one would only confuse them.
        """
        bundle = await self._bundle(id, window)
        lines = {turn["id"]: turn for turn in bundle.retried}
        turns = list(lines)
        if bundle.kind == "undelivered":
            letters, settled = await self._letters(set(turns)), []
            for start in range(0, len(letters), _LETTERS):
                some = letters[start : start + _LETTERS]
                done = await self._dead_letters.settle_dead_letters("retry", some, None)
                settled += done["settled"]
        else:
            settled = [await self._again(turn) for turn in turns]
        for each in settled:
            if each["done"]:
                self._reruns.note(id, each["id"], lines[each["id"].partition("-")[0]])
        async with self._lock:  # what is being read is of before
            self._known = (0.0, -1e9, [], False)
        return {"settled": settled, "left": len(bundle.turns) - len(turns)}

    async def reruns(self, id: str) -> RerunsJson:
        """Return what came of those that were tried again lately, also when the bundle is over."""
        found = await self._reruns.of(id, await self._questions.queries())
        ended = all(each["outcome"] != "running" for each in found)
        told: RerunsJson = redactor.known({"ended": ended, "reruns": found})
        return told

    async def _letters(self, among: set[str]) -> list[str]:
        """Return all dead letters of these turns, the oldest first."""
        queries = await self._questions.queries()
        found: list[str] = []
        below, oldest = "", min(among, default="")
        while page := [each["id"] for each in await queries.list_dead(_LETTERS, below)]:
            found += [letter for letter in page if letter.partition("-")[0] in among]
            below = page[-1]
            if len(page) < _LETTERS or below < oldest:
                break
        return found[::-1]

    async def _again(self, turn: str) -> SettledJson:
        try:
            await self._dead_letters.retry_turn(turn)
        except MindBotError as error:
            return {"id": turn, "done": False, "why": str(error)}
        return {"id": turn, "done": True, "why": ""}

    async def _bundle(self, id: str, window: float) -> Bundle:
        bundles, _ = await self._bundles(window)
        for bundle in bundles:
            if bundle.id == id:
                return bundle
        raise NotFound(f"no failures {id!r}", hint="`mindbot failures` shows them; they may be over")

    async def _bundles(self, window: float) -> tuple[list[Bundle], bool]:
        async with self._lock:
            of, stale_at, bundles, more = self._known
            begun = time.monotonic()
            if of != window or begun > stale_at:
                bundles, more = await self._read(window)
                took = time.monotonic() - begun
                self._known = (window, begun + took + max(_FRESH, took * _REST), bundles, more)
        return bundles, more

    async def _read(self, window: float) -> tuple[list[Bundle], bool]:
        since = time.time() - window
        numbers = await self._store.failed(since, _MOST + 1)
        queries = await self._questions.queries()
        lines: list[TurnLineJson] = []
        for start in range(0, min(len(numbers), _MOST), _PAGE):
            page = numbers[start : min(start + _PAGE, _MOST)]
            lines += reversed(await queries.lines_of(page))
        sessions = sorted({line["session"] for line in lines})
        reached = await self._store.reached(sessions, since) if sessions else {}
        latest = {person: ids.show(turn) for person, turn in reached.items()}
        return bundles_of(lines, latest), len(numbers) > _MOST
