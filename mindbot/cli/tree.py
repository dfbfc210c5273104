"""A turn's spans as a tree for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mindbot.api.models import SpanView, TurnView
from mindbot.cli.output import milliseconds, one_line, table

_MARKS = {"ok": "", "error": "✗ error", "aborted": "⊘ aborted", "memo": "↺ memo"}
_DETAILS = 4  # values of a span that fit on its line


def tree(turn: TurnView, spans: Sequence[SpanView], width: int | None = None) -> list[str]:
    """Return a line for the turn and one for each span: its place in the tree, start and duration.

    Starts count from the moment the message was received. A span whose parent is unknown stands at the top.
    """
    why = f": {turn.reason}" if turn.reason else ""
    head = f"{turn.id}  {turn.state} in {milliseconds(turn.took_ms)}"
    head += f"  {one_line(f'{turn.platform}/{turn.bot}')}  {one_line(f'{turn.user}{why}')}"
    rows = [
        [
            branch,
            f"+{milliseconds(max(0.0, span.start - turn.received) * 1000)}",
            milliseconds(span.took_ms),
            _remark(span),
        ]
        for branch, span in _walk(spans)
    ]
    told = [one_line("told later: " + ", ".join(f"{k}={v}" for k, v in n.items())) for n in turn.notes]
    if not rows:
        return [head, *told, "no spans were recorded"]
    return [head, *told, *table([["SPAN", "START", "TOOK", ""], *rows], [False, True, True, False], width)]


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


def _remark(span: SpanView) -> str:
    notes = span.data.get("notes")
    facts = (
        notes if isinstance(notes, dict) else {}
    ) | span.data  # what the platform said of a delivery first
    short = [f"{k}={v}" for k, v in facts.items() if isinstance(v, str | int | float) and v != ""]
    return "  ".join(filter(None, [_MARKS.get(span.status, span.status), *map(one_line, short[:_DETAILS])]))
