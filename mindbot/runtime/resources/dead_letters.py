"""Dead letters: list, try again, put away, one or many."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, cast

import structlog

from mindbot.domain import ids
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import Conflict, Invalid, MindBotError, NotFound
from mindbot.domain.message import Json
from mindbot.domain.ports.store import Queries, Store
from mindbot.domain.shapes.turns import (
    DeadLetterJson,
    ListedLetterJson,
    SettledJson,
    SettledLettersJson,
    Settling,
)
from mindbot.filters.language import parse
from mindbot.filters.letter_fields import LETTER_FIELDS, letter_record
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.resources.naming import letter_named
from mindbot.runtime.resources.questions import Questions
from mindbot.runtime.resources.settled import LatelySettled
from mindbot.telemetry.redaction import redactor

log = structlog.get_logger("mindbot.runtime")

_LISTS = "`mindbot dlq list` shows their ids"
_LISTED = 1000  # that a filter looks at, or that are settled in one call


class DeadLetterResource:
    """Answers ``/v1/dead-letters``.

    ``settled`` is told when something is decided, ``decided`` about which turn.
    """

    def __init__(
        self,
        store: Store,
        dispatcher: Dispatcher,
        outbox: Outbox,
        questions: Questions,
        settled: Callable[[str], None],
        decided: Callable[[int], None],
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._outbox = outbox
        self._questions = questions
        self._settled = settled
        self._decided = decided
        self._acts = LatelySettled()

    async def list_dead_letters(
        self, limit: int = 100, filter: str = "", *, settled: bool = False
    ) -> list[ListedLetterJson]:
        """Return what was given up on, newest first.

        With ``settled`` also what operators settled in the last quarter of an hour, as it is by now. Raises
        FilterError.
        """
        keep = _keeper(filter)
        queries = await self._questions.queries()
        dead = await queries.list_dead(_LISTED if filter.strip() else limit)
        letters = cast("list[ListedLetterJson]", dead)
        acts = self._acts.lately()
        for letter in letters:
            if act := acts.pop(letter["id"], None):
                letter["acted"], letter["acted_at"] = act.did, act.at
        if settled and acts:
            now = await queries.letters_now(list(acts))
            for id, (state, why) in now.items():
                act = acts[id]
                known: Json = {**act.letter, "state": state, "acted": act.did, "acted_at": act.at}
                if why:  # else it stays in sight why it had been given up on
                    known["reason" if act.letter["kind"] == "turn" else "error"] = why
                letters.append(cast("ListedLetterJson", known))
            letters.sort(key=lambda letter: letter["id"], reverse=True)
        found: list[ListedLetterJson] = redactor.known([each for each in letters if keep(each)][:limit])
        return found

    async def settle_dead_letters(
        self,
        action: Settling,
        ids: Sequence[str] | None,
        filter: str | None,
        limit: int = _LISTED,
        below: str = "",
    ) -> SettledLettersJson:
        """Settle those named, or those that a filter lets through and that are older than ``below``, the
        newest of them, each by itself, the oldest first.

        Returns: what came of each; ``more`` when others than these may match, older than ``next``. So each is
            met once, also when it is dead again at once.

        Raises:
            FilterError, NotFound: there can be no such letter to go on below.
            Invalid: neither or both are given, or a filter for what is no dead letter any more.
        """
        if (ids is None) == (filter is None) or (action == "restore" and ids is None):
            raise Invalid(
                "name dead letters by their ids, or by a filter",
                hint="an empty filter means all; discarded ones are restored by their ids",
            )
        queries = await self._questions.queries()
        if below:
            _place(below)
        listed = {each["id"]: each for each in await queries.list_dead(_LISTED, below if ids is None else "")}
        if ids is None:
            keep = _keeper(filter or "")
            matching = [id for id, letter in listed.items() if keep(letter)]
            chosen = matching[:limit][::-1]
            cut = len(matching) > limit
            last = chosen[0] if cut else next(reversed(listed), "")
            more = cut or len(listed) == _LISTED
        else:
            chosen, more, last = list(dict.fromkeys(ids))[:limit], len(set(ids)) > limit, ""
        results = [await self._try(action, id, listed) for id in chosen]
        failed = sum(not each["done"] for each in results)
        log.info(f"dead letters: {action}", count=len(results) - failed, failed=failed)
        return {"settled": results, "more": more, "next": last if more else ""}

    async def _try(self, action: Settling, letter: str, listed: Mapping[str, DeadLetterJson]) -> SettledJson:
        try:
            await self._settle(action, letter, listed)
        except MindBotError as error:
            return {"id": letter, "done": False, "why": str(error)}
        return {"id": letter, "done": True, "why": ""}

    async def get_dead_letter(self, letter: str) -> ListedLetterJson:
        """Return one; raises NotFound, also for what is none any more, and Invalid."""
        queries = await self._questions.queries()
        letter = await letter_named(queries, letter)
        found = await _shown(queries, letter)
        if found.get("state") != "dead":
            is_now = f": it is {found['state']}" if "state" in found else ""
            raise NotFound(f"no dead letter {letter!r}{is_now}", hint=_LISTS)
        shown: ListedLetterJson = redactor.known(cast("ListedLetterJson", found))
        return shown

    async def retry_dead_letter(self, letter: str) -> None:
        """Send a dead delivery again, or run a dead turn again; raises NotFound, Conflict."""
        await self._settle("retry", letter)

    async def discard_dead_letter(self, letter: str) -> None:
        """Put a dead letter away; raises NotFound, Conflict."""
        await self._settle("discard", letter)

    async def restore_dead_letter(self, letter: str) -> None:
        """Make a discarded one a dead letter again; raises NotFound, Conflict."""
        await self._settle("restore", letter)

    async def _settle(
        self, action: Settling, letter: str, listed: Mapping[str, DeadLetterJson] = MappingProxyType({})
    ) -> None:
        """Do it, and keep that it was done, for those who ask what came of it."""
        queries = await self._questions.queries()
        letter = await letter_named(queries, letter)
        before = listed.get(letter) or await _shown(queries, letter)
        if "state" not in before and letter not in listed:
            raise NotFound(f"no dead letter {letter!r}", hint=_LISTS)
        acts = {"retry": self._retry, "discard": self._discard, "restore": self._restore}
        await acts[action](letter)
        self._settled(letter)
        self._acts.note(before, action)
        self._decided(_number(letter.partition("-")[0]))

    async def _retry(self, letter: str) -> None:
        if "-" not in letter:
            await self.retry_turn(letter)
            return
        dead = await self._dead(letter)
        delivery = await self._store.outbox.revive(dead.turn, dead.n)
        if delivery is None:
            raise Conflict(f"{letter} is not dead any more")
        self._outbox.submit([delivery])

    async def _discard(self, letter: str) -> None:
        if "-" not in letter:
            if not await self._store.turns.discard(_number(letter)):
                raise Conflict(f"{letter} is not dead")
        elif not await self._store.outbox.discard(*_letter(letter)):
            await self._dead(letter)

    async def _restore(self, letter: str) -> None:
        if "-" in letter:
            back = await self._store.outbox.restore(*_letter(letter))
        else:
            back = await self._store.turns.restore(_number(letter))
        if not back:
            raise Conflict(f"{letter} was not discarded")

    async def retry_turn(self, turn: str) -> None:
        """Run a failed or dead turn again from the top; raises NotFound, Conflict."""
        again = await self._store.turns.requeue(_number(turn))
        if again is None:
            raise Conflict(await self._refused(turn), hint=f"see: mindbot trace {turn}")
        self._settled(turn)
        self._dispatcher.submit(again)
        self._decided(again.number)

    async def _refused(self, turn: str) -> str:
        """Return why a turn could not be run again; raises NotFound."""
        found = await (await self._questions.queries()).get_turn(turn)
        if found["state"] not in ("failed", "dead"):
            return f"{turn} is {found['state']}, neither failed nor dead"
        if any(each["state"] not in ("sent", "dead", "discarded") for each in found["deliveries"]):
            return f"{turn} is {found['state']}, but its notice is still on its way"
        return f"{turn} is {found['state']}, and was something else a moment ago: try again"

    async def _dead(self, letter: str) -> Delivery:
        found = await self._store.outbox.delivery(*_letter(letter))
        if found is None:
            raise NotFound(f"no dead letter {letter!r}", hint=_LISTS)
        if found.state != "dead":
            raise Conflict(f"{letter} is {found.state}, not dead")
        return found


def _keeper(filter: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return what a filter keeps; raises FilterError."""
    if not filter.strip():
        return lambda letter: True
    keep, now = parse(filter, LETTER_FIELDS).compile(), time.time()
    return lambda letter: keep(letter_record(letter, now))


async def _shown(queries: Queries, letter: str) -> DeadLetterJson:
    """Return a letter as it is listed; its id alone where nothing else of it can be found any more."""
    number, dash, _ = letter.partition("-")
    found: Json = {"id": letter, "kind": "message" if dash else "turn"}
    with suppress(NotFound):
        turn = await queries.get_turn(number)
        if not dash:
            found |= {key: turn[key] for key in _LINE if key in turn}  # type: ignore[literal-required]
        for delivery in turn["deliveries"]:
            if delivery["id"] == letter:
                found = {**delivery, "user": turn["user"]}
    if dash and "state" not in found:  # retention deletes a turn before what was given up on of it
        of, n = _letter(letter)
        for dead in await queries.list_dead(1, f"{ids.show(of)}-{n + 1}"):
            if dead["id"] == letter:
                return dead
        for state, why in (await queries.letters_now([letter])).values():
            found |= {"state": state, "error": why}
    return cast("DeadLetterJson", found)


_LINE = ("id", "platform", "bot", "session", "user", "chat", "text", "state", "reply", "reason", "received")


def _number(turn: str) -> int:
    try:
        return ids.parse(turn)
    except ValueError as error:
        raise NotFound(str(error), hint="`mindbot turns` lists them") from error


def _place(letter: str) -> tuple[int, int]:
    try:
        return ids.letter_place(letter)
    except ValueError as error:
        raise NotFound(f"no dead letter {letter!r}", hint=_LISTS) from error


def _letter(letter: str) -> tuple[int, int]:
    try:
        return ids.parse_delivery(letter)
    except ValueError as error:
        raise NotFound(f"no dead letter {letter!r}", hint=_LISTS) from error
