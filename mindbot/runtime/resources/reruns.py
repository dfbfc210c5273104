"""What was tried again of a bundle of failures, and what has come of each by now."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from mindbot.domain import ids
from mindbot.domain.ports.store import Queries
from mindbot.domain.shapes.failures import Outcome, RerunJson
from mindbot.domain.shapes.turns import TurnLineJson
from mindbot.runtime.resources.settled import KEPT

_MOST = 4000  # that are followed
_PAGE = 200  # that are read at once


class Reruns:
    """Turns and deliveries by the bundle they were in. Not kept over restarts: what came of them is."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._noted: OrderedDict[tuple[str, str], tuple[float, TurnLineJson]] = OrderedDict()

    def note(self, bundle: str, id: str, line: TurnLineJson) -> None:
        """Follow a turn, or a delivery, from now on; ``line`` is its turn as it was before."""
        self._noted.pop((bundle, id), None)
        self._noted[bundle, id] = self._clock(), line
        if len(self._noted) > _MOST:
            self._noted.popitem(last=False)

    async def of(self, bundle: str, queries: Queries) -> list[RerunJson]:
        """Return what came of those of the last quarter of an hour, in the order they were tried in."""
        oldest = self._clock() - KEPT
        while self._noted and next(iter(self._noted.values()))[0] < oldest:
            self._noted.popitem(last=False)
        followed = [(id, line) for (of, id), (_, line) in self._noted.items() if of == bundle]
        found: list[RerunJson] = []
        for start in range(0, len(followed), _PAGE):
            page = followed[start : start + _PAGE]
            now = await _now(queries, [id for id, _ in page])
            found += [_shown(id, line, *now.get(id, _UNKNOWN)) for id, line in page]
        return found


_UNKNOWN: tuple[Outcome, str] = ("failed", "nothing is kept of it any more")


async def _now(queries: Queries, those: Sequence[str]) -> dict[str, tuple[Outcome, str]]:
    letters = [id for id in those if "-" in id]
    turns = [ids.parse(id) for id in those if "-" not in id]
    found: dict[str, tuple[Outcome, str]] = {}
    for id, (state, why) in (await queries.letters_now(letters)).items() if letters else ():
        found[id] = _of_delivery(state, why)
    for line in await queries.lines_of(turns) if turns else ():
        found[line["id"]] = _of_turn(line)
    return found


def _of_delivery(state: str, why: str) -> tuple[Outcome, str]:
    if state == "sent":
        return "answered", ""
    return ("failed", why or state) if state in ("dead", "discarded") else ("running", why)


def _of_turn(line: TurnLineJson) -> tuple[Outcome, str]:
    """An answer counts when it has arrived; a turn that is to say nothing has none to wait for."""
    if line["state"] in ("failed", "dead", "dropped"):
        return "failed", line["reason"] or line["state"]
    if line["state"] != "answered":
        return "running", ""
    if line["undelivered"] or line["delivery"] == "discarded":
        return "failed", line["delivery_error"] or line["delivery"]
    return ("running", line["delivery_error"]) if line["delivery"] == "waiting" else ("answered", "")


def _shown(id: str, line: TurnLineJson, outcome: Outcome, why: str) -> RerunJson:
    return {
        "id": id,
        "turn": line["id"],
        "outcome": outcome,
        "why": why,
        "platform": line["platform"],
        "bot": line["bot"],
        "session": line["session"],
        "user": line["user"],
        "user_name": line.get("user_name", ""),
        "text": line["text"][:1000],
        "received": line["received"],
    }
