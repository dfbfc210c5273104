"""What became of a turn and of its answer, in words."""

from __future__ import annotations

import pytest

from mindbot.api.models import TurnSummary
from mindbot.api.shown_turns import state, who, why


@pytest.mark.parametrize(
    ("delivery", "later", "told"),
    [
        ("sent", 60.0, "answered"),
        ("", 60.0, "answered"),
        ("waiting", 1.0, "answered"),
        ("waiting", 60.0, "answered, waiting"),
        ("undelivered", 0.0, "answered, undelivered"),
        ("discarded", 0.0, "answered, discarded"),
    ],
)
def test_an_answer_that_has_not_arrived_is_said_beside_the_state(
    delivery: str, later: float, told: str
) -> None:
    turn = TurnSummary(state="answered", received=100.0, took_ms=2000.0, delivery=delivery)
    assert state(turn, 102.0 + later) == told


def test_who_brought_a_message_is_said_where_it_was_not_its_user() -> None:
    assert who(TurnSummary(user="alice")) == "alice"
    assert who(TurnSummary(user="alice", origin="test")) == "alice (test)"
    assert who(TurnSummary(origin="push")) == "(push)"


def test_both_reasons_are_said() -> None:
    assert why(TurnSummary()) == ""
    refused = TurnSummary(reason="cut short", undelivered=True, delivery_error="48002: no right")
    assert why(refused) == "cut short; not delivered: 48002: no right"
