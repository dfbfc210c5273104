"""A turn's trail: what the next process knows of the steps of one that died."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain import ids
from mindbot.domain.message import Message, text_part
from mindbot.domain.plain import dumps, loads
from mindbot.domain.span import INTERRUPTED, Span
from mindbot.domain.trail import ATTEMPT, TRAIL, earlier, of_this_attempt, trail_of
from mindbot.domain.turn import Turn

#: Of each step: how far above its latest one it stands, whether it has ended, and how.
Steps = list[tuple[int, bool, str]]
STEPS = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.sampled_from(["ok", "error"])), max_size=8)


def a_turn(attempt: int = 1) -> Turn:
    message = Message("console", "default", "m", "s", "lin", "text", (text_part("hi"),), {}, received=50.0)
    return Turn(ids.new_id(), message, attempt=attempt)


def taken(turn: Turn, steps: Steps, at: float) -> None:
    """Let a turn take steps at a moment; those that have ended took half a second."""
    first = len(turn.spans)
    for n, (up, over, status) in enumerate(steps):
        parent = max(0, n - up) and first + max(0, n - up)
        took, how = (0.5, status) if over else (-1.0, "ok")
        turn.spans.append(
            Span(len(turn.spans) + 1, parent, "stage", f"step {n}", at + n, took, how, {"n": n})
        )


@given(st.lists(STEPS, min_size=1, max_size=4))
def test_each_attempt_is_told_once_and_all_its_steps_have_ended(
    attempts: list[Steps],
) -> None:
    turn = a_turn()
    for n, steps in enumerate(attempts, 1):
        turn.attempt, turn.spans = n, earlier(turn)
        before = len(turn.spans)
        assert not of_this_attempt(turn.spans)
        taken(turn, steps, at=100.0 * n)
        assert len(of_this_attempt(turn.spans)) == len(steps) == len(turn.spans) - before
        turn.memo = {TRAIL: loads(dumps(trail_of(turn, 100.0 * n + 50)))}
    turn.attempt += 1
    found = earlier(turn)
    assert [span.id for span in found] == [*range(1, len(found) + 1)]
    assert all(0 <= span.parent < span.id and span.took >= 0 for span in found)
    roots = [span for span in found if span.kind == ATTEMPT]
    assert [root.name for root in roots] == [str(n) for n in range(1, len(attempts) + 1)]
    assert all(root.status == INTERRUPTED and root.parent == 0 for root in roots)
    for root, steps in zip(roots, attempts, strict=True):
        inside = found[root.id : root.id + len(steps)]
        assert [(span.name, span.status) for span in inside] == [
            (f"step {n}", status if over else INTERRUPTED) for n, (_, over, status) in enumerate(steps)
        ]
        assert all(span.parent >= root.id for span in inside)


def test_of_an_attempt_without_a_trail_it_is_known_that_there_was_one() -> None:
    assert earlier(a_turn()) == []
    [attempt] = earlier(a_turn(attempt=3))
    assert (attempt.kind, attempt.name, attempt.status) == (ATTEMPT, "2", INTERRUPTED)
    assert (attempt.start, attempt.took) == (50.0, 0.0) and "not known" in attempt.data["note"]
