"""A replay beside its original, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from mindbot.api.replay_models import ReplaySide, ReplayView
from mindbot.cli.output import cut, folded, milliseconds, width

_MODES = {
    "now": "as now: routed and composed by today's configuration",
    "then": "as then: its route and words",
}


def summary(found: ReplayView) -> str:
    """Return what a replay was, in one line."""
    how = "all from the record, nobody was asked" if found.recorded else _MODES.get(found.mode, found.mode)
    start = f", from {found.from_stage}" if found.from_stage else ""
    sent = "a dry run: nothing was sent" if found.dry_run else "sent to the user"
    return f"{found.turn} makes {found.of} again ({how}{start}; {sent})"


def step_lines(found: ReplayView) -> Iterator[str]:
    """Yield the steps, one a line, with what became of each."""
    for step in found.steps:
        indent = "" if step.kind == "stage" else "  "
        why = f"  ({step.why})" if step.why else ""
        kind = "" if step.kind == "stage" else f"{step.kind} "
        yield f"{step.outcome:<9} {indent}{kind}{step.name}{why}"


def cost(side: ReplaySide) -> str:
    """Return what an answer took of money and tokens; empty where nobody knows."""
    money = "" if side.cost is None else f"{side.cost:.6g} {side.currency}".strip()
    tokens = f"{side.tokens:,} tokens" if side.tokens else ""
    return ", ".join(filter(None, (money, tokens)))


def by(side: ReplaySide) -> str:
    """Return who answered."""
    model = "/".join(filter(None, (side.provider, side.model)))
    return side.workflow or model or side.runner


def sides(found: ReplayView, wide: int) -> Iterator[str]:
    """Yield both turns side by side, in lines of so many columns; lines that differ have a mark."""
    half = max(20, (wide - 15) // 2)
    one, other = found.original, found.replay
    rows = [
        ("", f"then {one.turn}", f"now {other.turn}"),
        ("config", one.config, other.config),
        ("state", one.state, other.state),
        ("by", by(one), by(other)),
        ("time", milliseconds(one.took_ms), milliseconds(other.took_ms)),
        ("cost", cost(one), cost(other)),
        ("why", one.reason, other.reason),
        ("answer", one.reply, other.reply),
    ]
    for name, left, right in rows:
        if left or right:
            yield from _row(name, list(folded(left, half)), list(folded(right, half)), half, left == right)


def _row(name: str, left: list[str], right: list[str], half: int, same: bool) -> Iterator[str]:
    mark = " " if same or not name or name == "time" else "≠"
    for n in range(max(len(left), len(right), 1)):
        a, b = (lines[n] if n < len(lines) else "" for lines in (left, right))
        a = cut(a, half)
        yield f"{name if n == 0 else '':<7}{mark} {a}{' ' * max(0, half - width(a))} │ {b}".rstrip()
