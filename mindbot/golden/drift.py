"""Tells in what a turn is not what it was: by the stage that made it so, and the field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mindbot.golden.file import GoldenEnd, GoldenPrompt, GoldenTurn
from mindbot.golden.masking import shape

_ROOM = 60  # characters of a text that are shown on each side
_BEFORE = 20  # of them, those before the first that differs


@dataclass(frozen=True, slots=True)
class Drift:
    """``stage`` is where it happened: a stage's name, or ``end`` for how the turn ended, ``stages`` for which
    of them it went through."""

    stage: str
    field: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.field} {self.was or '-'} → {self.now or '-'}"


def drifts(turn: GoldenTurn, now: GoldenEnd) -> Iterator[Drift]:
    """Yield what differs, causes before what they led to; of another route's answer nothing is said, for it
    is another one's."""
    was = turn.expect
    if (was.state, was.reason) != (now.state, now.reason):
        yield Drift("end", "state", _end(was), _end(now))
    if was.stages and was.stages != now.stages:
        yield _stages(was.stages, now.stages)
    elsewhere = False
    for name in ("runner", "workflow", "rule", "together", "then"):
        before, after = _listed(getattr(was.route, name)), _listed(getattr(now.route, name))
        if before != after:
            yield Drift("route", name, before, after)
            elsewhere = elsewhere or name != "rule"
    if elsewhere or was.state != now.state:
        return
    if was.prompt is not None and now.prompt is not None:
        yield from _prompt(was.prompt, now.prompt)
    if was.asked != now.asked:
        yield Drift("run", "asked", _listed(was.asked), _listed(now.asked))
    if shape(was.reply) != shape(now.reply):
        yield Drift("run", "reply", *_where(shape(was.reply), shape(now.reply)))


def _prompt(was: GoldenPrompt, now: GoldenPrompt) -> Iterator[Drift]:
    before, after = shape(was.instructions), shape(now.instructions)
    if before != after:
        yield Drift("compose", "instructions", *_where(before, after))
    if was.history is not None and was.history != now.history:
        yield Drift("session", "history", _lines(was.history), _lines(now.history or 0))
    if was.model != now.model:
        yield Drift("run", "model", was.model, now.model)


def _end(end: GoldenEnd) -> str:
    return f"{end.state} ({end.reason})" if end.reason else end.state


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'}"


def _listed(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _stages(was: Sequence[str], now: Sequence[str]) -> Drift:
    """Name the stages that came or went; where it is their order, all of them."""
    gone = [name for name in was if name not in now]
    new = [name for name in now if name not in was]
    if gone or new:
        return Drift("stages", "passed", _listed(gone), _listed(new))
    return Drift("stages", "order", _listed(was), _listed(now))


def _where(was: str, now: str) -> tuple[str, str]:
    """Return both texts in quotes, around the first character that differs."""
    pairs = enumerate(zip(was, now, strict=False))
    same = next((n for n, (a, b) in pairs if a != b), min(len(was), len(now)))
    start = max(0, same - _BEFORE)
    return _excerpt(was, start), _excerpt(now, start)


def _excerpt(text: str, start: int) -> str:
    if not text:
        return ""
    head = "…" if start else ""
    tail = "…" if len(text) > start + _ROOM else ""
    shown = " ".join(text[start : start + _ROOM].split())
    return f"“{head}{shown}{tail}”"
