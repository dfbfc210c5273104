"""Notes of deliveries are named in the code, and on disk the JSON they ever were: nothing kept is lost."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.delivery import DeliveryNotes

NAMES = st.sampled_from(["said", "repeated", "left", "card", "uploaded", "taken_back", "way", "more"])
VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()) | st.just({"a": 1})


@given(st.dictionaries(NAMES, VALUES))
def test_whatever_was_kept_is_kept_as_it_was(kept: dict[str, Any]) -> None:
    assert DeliveryNotes.from_json(kept).to_json() == kept


def test_a_platforms_own_meaning_of_a_name_is_kept_beside_the_named_ones() -> None:
    notes = DeliveryNotes.from_json({"left": ["li"], "said": 2})
    notes.add({"left": 4, "said": True, "way": "stream"})
    assert (notes.left, notes.said) == (None, None)
    assert notes.to_json() == {"left": 4, "said": True, "way": "stream"}
    notes.add({"left": ["wang"]})
    assert notes.left == ["wang"] and "left" not in notes.more


def test_what_is_no_more_is_told_so_and_not_left_out() -> None:
    assert DeliveryNotes(left=[], card="").to_json() == {"left": [], "card": ""}
