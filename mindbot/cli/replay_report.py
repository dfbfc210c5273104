"""`mindbot replay --last`: the newest turns made again, as a regression report."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from mindbot.api import replay_calls
from mindbot.api.client import Client
from mindbot.api.models import TurnSummary
from mindbot.api.replay_models import ReplayTurn, ReplayView
from mindbot.cli.looking import TurnSearch
from mindbot.cli.output import Column, milliseconds, print_json, print_table, wants_json
from mindbot.domain.errors import MindBotError
from mindbot.domain.message import Json

_AT_ONCE = 4  # replays under way
_SECONDS = 60.0  # that turns are looked for
_USERS = 'origin == "user" and state in ("answered", "failed", "dropped")'


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one: same, changed or failed; ``why`` it failed."""

    of: TurnSummary
    word: str
    found: ReplayView | None = None
    why: str = ""

    def to_json(self) -> Json:
        """Return its line of the report."""
        side = self.found.replay if self.found else None
        before = self.found.original if self.found else None
        return {
            "turn": self.of.id,
            "replay": self.found.turn if self.found else "",
            "verdict": self.word,
            "why": self.why,
            "text": self.of.text,
            "then": before.reply if before else self.of.reply,
            "now": side.reply if side else "",
            "cost_then": before.cost if before else None,
            "cost_now": side.cost if side else None,
            "took_ms_then": before.took_ms if before else self.of.took_ms,
            "took_ms_now": side.took_ms if side else None,
        }


@dataclass(slots=True)
class _Sums:
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("same", "changed", "failed"), 0))
    cost: list[float] = field(default_factory=lambda: [0.0, 0.0])
    took: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def add(self, each: Verdict) -> None:
        self.counts[each.word] += 1
        if each.found is not None:
            for n, side in enumerate((each.found.original, each.found.replay)):
                self.cost[n] += side.cost or 0.0
                self.took[n] += side.took_ms


def report(client: Client, order: ReplayTurn, last: int, filter: str, *, as_json: bool) -> int:
    """Replay the newest turns of users that a filter lets through, and print what differs.

    Returns: the exit code: 1 where an answer is another one, or a replay failed.
    """
    wanted = f"({filter}) and {_USERS}" if filter.strip() else _USERS
    search = TurnSearch(wanted, last, "", _SECONDS)
    turns = [turn for page in search.pages(client) for turn in page]
    sums, verdicts = _Sums(), list[Verdict]()
    machine = wants_json(as_json)
    for each in _made(client, order, turns):
        sums.add(each)
        verdicts.append(each)
        if machine:
            print_json(each.to_json())
        elif sys.stderr.isatty():
            print(f"\r\x1b[K{len(verdicts)} of {len(turns)}", end="", file=sys.stderr, flush=True)
    if machine:
        print_json({"summary": _summary(sums, len(turns))})
    else:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        print_table([each for each in verdicts if each.word != "same"], COLUMNS, "all answers are the same")
        print(_told(sums, len(turns)))
    search.complete()
    return int(bool(sums.counts["changed"] or sums.counts["failed"]))


COLUMNS: list[Column[Verdict]] = [
    Column("TURN", lambda v: v.of.id),
    Column("", lambda v: v.word),
    Column("TEXT", lambda v: v.of.text),
    Column("THEN", lambda v: v.found.original.reply if v.found else v.of.reply),
    Column("NOW", lambda v: v.why or (v.found.replay.reply if v.found else "")),
]


def _made(client: Client, order: ReplayTurn, turns: list[TurnSummary]) -> Iterator[Verdict]:
    """Yield what comes of each, in the order of the turns, some of them under way at once."""

    def make(turn: TurnSummary) -> Verdict:
        try:
            found = client.ask(replay_calls.replay(turn.id, order))
        except MindBotError as error:
            return Verdict(turn, "failed", why=str(error))
        if found.same:
            return Verdict(turn, "same", found)
        if found.replay.state in ("failed", "dead") and found.original.state not in ("failed", "dead"):
            return Verdict(turn, "failed", found, found.replay.reason)
        return Verdict(turn, "changed", found)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(make, turns)


def _summary(sums: _Sums, turns: int) -> Json:
    return {
        "turns": turns,
        **sums.counts,
        "cost_then": sums.cost[0],
        "cost_now": sums.cost[1],
        "took_ms_then": round(sums.took[0], 3),
        "took_ms_now": round(sums.took[1], 3),
    }


def _told(sums: _Sums, turns: int) -> str:
    counts = ", ".join(f"{count} {word}" for word, count in sums.counts.items())
    cost = f"; cost {sums.cost[0]:.6g} → {sums.cost[1]:.6g}" if any(sums.cost) else ""
    took = f"{milliseconds(sums.took[0])} → {milliseconds(sums.took[1])}"
    return f"{turns} turns: {counts}; time {took}{cost}"
