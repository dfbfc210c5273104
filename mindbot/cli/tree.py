"""A turn's spans as a tree for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mindbot.api.folding import PIPELINE, failure_of, inside, passes_on
from mindbot.api.models import SpanView, TurnView
from mindbot.api.shown_turns import state, who, why
from mindbot.cli.output import clock, columns, folded, milliseconds, one_line, table

_MARKS = {
    "ok": "",
    "error": "✗ error",
    "cancelled": "⊘ cancelled",
    "interrupted": "↯ interrupted",
    "memo": "↺ memo",
}
_DETAILS = 4  # values of a span that fit on its line
_TITLES = ["SPAN", "START", "TOOK", ""]
_INDENT = "  "


def tree(turn: TurnView, spans: Sequence[SpanView], width: int | None = None) -> list[str]:
    """Return lines for the turn, why it ended so, and each span: its place in the tree, start and duration.

    Starts count from the moment the message was received. A span whose parent is unknown stands at the top.
    Reasons and errors are whole, each said once; what else a step noted is cut at the terminal's edge.
    """
    most = width or columns()
    head = [f"{turn.id}  {state(turn)} in {milliseconds(turn.took_ms)}"]
    head += [one_line(f"{turn.platform}/{turn.bot}"), one_line(who(turn)), clock(turn.received)]
    lines = ["  ".join(filter(None, head))]
    told = ["told later: " + ", ".join(f"{k}={v}" for k, v in note.items()) for note in turn.notes]
    for said in (why(turn), *told):
        lines += [f"{_INDENT}{line}" for line in folded(one_line(said), most - len(_INDENT))]
    if not spans:
        return [*lines, "no spans were recorded"]
    within = inside(spans)
    steps = [
        (branch, span, "" if passes_on(span, within.get(span.id, ())) else _error(span))
        for branch, span in _walk(spans)
    ]

    def drawn(errors: Sequence[str]) -> list[str]:
        rows = [
            [
                branch,
                f"+{milliseconds(max(0.0, span.start - turn.received) * 1000)}",
                milliseconds(span.took_ms),
                _remark(span, error),
            ]
            for (branch, span, _), error in zip(steps, errors, strict=True)
        ]
        return table([_TITLES, *rows], [False, True, True, False], most)

    title, *whole = drawn([error for *_, error in steps])
    # What the edge of the terminal would take stands below its step.
    beside = [error if error in line else "" for line, (*_, error) in zip(whole, steps, strict=True)]
    lines.append(title)
    for line, (branch, _, error), shown in zip(drawn(beside)[1:], steps, beside, strict=True):
        lines.append(line)
        if not shown:
            indent = _below(branch) + _INDENT
            lines += [f"{indent}{part}" for part in folded(error, max(most - len(indent), 30))]
    return lines


def _error(span: SpanView) -> str:
    return one_line(str(failure_of(span) or ""))


def _below(branch: str) -> str:
    """Return the lines of the tree that go on below a branch."""
    stem = branch[: max(branch.rfind("├─ "), branch.rfind("└─ ")) + 3]
    return stem.replace("├─", "│ ").replace("└─", "  ")


def _walk(spans: Sequence[SpanView]) -> Iterator[tuple[str, SpanView]]:
    known = {span.id for span in spans}
    children: dict[int, list[SpanView]] = {}
    for span in sorted(spans, key=lambda s: (s.start, s.id)):
        parent = span.parent if span.parent in known and span.parent != span.id else 0
        children.setdefault(parent, []).append(span)

    # A stack, not recursion: a damaged record may be deep.
    stack = [(span, "", n == 0) for n, span in enumerate(reversed(children.get(0, [])))]
    while stack:
        span, indent, last = stack.pop()
        yield f"{indent}{'└─ ' if last else '├─ '}{span.kind} {one_line(span.name)}", span
        below = indent + ("   " if last else "│  ")
        stack.extend((child, below, n == 0) for n, child in enumerate(reversed(children.get(span.id, []))))


def _remark(span: SpanView, error: str) -> str:
    """Return how a step ended and some of what it noted, what the platform said of a delivery first."""
    if span.kind == PIPELINE:
        return f"{len(span.data['stages'])} stages (--all)"
    notes = span.data.get("notes")
    facts = (notes if isinstance(notes, dict) else {}) | span.data
    short = [
        f"{k}={v}" for k, v in facts.items() if k != "error" and isinstance(v, str | int | float) and v != ""
    ]
    mark = _MARKS.get(span.status, span.status)
    said = f"{mark}: {error}" if mark and error else mark or error
    return "  ".join(filter(None, [said, *map(one_line, short[:_DETAILS])]))
