"""The console's state, without a terminal: ring, rows, views, the tree of steps, texts in cells."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_sample import record, turn_id, turn_view
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mindbot.api.models import Status, TurnView
from mindbot.filters.language import parse
from mindbot_tui import cells
from mindbot_tui.state import filtered
from mindbot_tui.state.console import ConsoleState
from mindbot_tui.state.filtered import FilteredTurns
from mindbot_tui.state.follow import Follow
from mindbot_tui.state.numbers import Numbers, lately
from mindbot_tui.state.parts import part
from mindbot_tui.state.ring import Ring
from mindbot_tui.state.steps import Folds, all_spans, steps
from mindbot_tui.state.turn_row import MOST_TEXT, TurnRow
from mindbot_tui.state.turns import TurnStore
from mindbot_tui.widgets.turn_list import columns, sign

# --- ring


@given(st.lists(st.one_of(st.integers(), st.lists(st.integers(), max_size=12)), max_size=60))
def test_a_ring_keeps_the_last_ones_at_their_places(steps: list[int | list[int]]) -> None:
    ring: Ring[int] = Ring(7)
    kept: list[int] = []
    for step in steps:
        if isinstance(step, list):
            ring.refill(step)
            kept = step[-7:]
        else:
            gone = ring.append(step)
            assert gone == (kept.pop(0) if len(kept) == 7 else None)
            kept.append(step)
        assert list(ring) == kept
        assert [ring[place] for place in range(ring.first, ring.end)] == kept


def test_a_place_outside_the_ring_is_an_error() -> None:
    ring: Ring[str] = Ring(2)
    for item in "abc":
        ring.append(item)
    assert ring[1] == "b"
    assert ring.get(0, "gone") == "gone"
    with pytest.raises(IndexError):
        ring[0]
    with pytest.raises(IndexError):
        ring[3]


# --- rows and the store


def test_a_row_takes_what_a_record_knows_and_keeps_the_rest() -> None:
    row = TurnRow("X")
    row.update({"platform": "wecom", "text": "hello", "took_ms": 12.5, "tokens": "many", "later": 1})
    row.update({"state": "answered", "reply": "x" * 5000, "vars": {"intent": "greeting"}})
    assert (row.platform, row.text, row.took, row.tokens) == ("wecom", "hello", 0.0125, 0)
    assert len(row.reply) == MOST_TEXT
    assert row.done
    assert parse('vars.intent == "greeting" and took > 1ms').compile()(row)


def test_a_row_is_filtered_by_who_wrote() -> None:
    row = TurnRow("X")
    row.update({"user": "lin", "user_name": "Lin", "department": ["Sales", "Berlin"]})
    assert parse("department == Berlin and user_name == Lin").compile()(row)
    assert not parse("department == Paris").compile()(row)


def test_a_turn_that_is_run_again_loses_what_was_said_of_its_last_run() -> None:
    store = TurnStore()
    store.apply({"text": "a", "state": "dead", "reason": "auth_failed: key", "error": "auth_failed"}, "A")
    store.apply({"text": "a", "state": "queued"}, "A")
    row = store.get("A")
    assert row is not None
    assert (row.state, row.reason, row.error) == ("queued", "", "")
    assert store.open == {"A"}


def test_a_row_knows_what_became_of_its_answer() -> None:
    store = TurnStore()
    store.apply({"text": "a", "state": "answered", "delivery": "waiting", "undelivered": False}, "A")
    row = store.get("A")
    assert row is not None and sign(row) == ("↑", "wait")
    store.delivered("A", {"state": "sent", "left": 1})
    assert row.delivery == "waiting", "another one of it is still on its way"
    store.delivered("A", {"state": "dead", "error": "40004", "left": 0})
    assert (row.delivery, row.delivery_error) == ("undelivered", "40004") and sign(row) == ("!", "bad")
    assert parse("undelivered and delivery_error =~ 40004").compile()(row)
    store.delivered("A", {"state": "sent", "left": 0})
    assert row.undelivered, "what was given up on is not made good by what arrived beside it"
    store.apply({"delivery": "waiting", "undelivered": False, "delivery_error": ""}, "A")
    store.delivered("A", {"state": "pending", "left": 0})
    store.delivered("A", {})  # the platform told something of it
    assert row.delivery == "waiting"
    store.delivered("A", {"state": "sent", "left": 0})
    assert row.delivery == "sent" and sign(row) == ("✓", "ok")
    store.merge([{"id": "A", "state": "answered", "delivery": "waiting"}])
    assert row.delivery == "sent", "a list that was read before sets nothing back"
    store.apply({"text": "a", "state": "queued"}, "A")
    assert row.delivery == "" and not row.undelivered


def test_one_that_was_answered_together_with_another_looks_answered() -> None:
    row = TurnRow("B")
    row.update({"text": "b", "state": "answered", "reason": "together with A", "delivery": "sent"})
    (reply,) = (each for each in columns(lambda: 0.0) if each.title == "REPLY")
    assert (sign(row), reply.cell(row)) == (("✓", "ok"), ("together with A", "dim"))
    row.update({"delivery": "undelivered", "undelivered": True, "delivery_error": "40004"})
    assert (sign(row), reply.cell(row)[1]) == (("!", "bad"), "bad"), "nobody got that answer"


def test_the_store_forgets_the_oldest() -> None:
    store = TurnStore(3)
    for n in range(5):
        store.apply({"text": str(n), "state": "queued"}, f"T{n}")
    assert [row.id for row in store.rows] == ["T2", "T3", "T4"]
    assert store.get("T1") is None
    assert store.open == {"T2", "T3", "T4"}


def test_a_list_fills_in_between_what_events_brought() -> None:
    store = TurnStore()
    store.apply({"text": "newest", "state": "running"}, "T9")
    assert store.merge([{"id": "T1", "state": "answered"}, {"id": "T9", "state": "queued"}]) == 1
    assert [(row.id, row.state) for row in store.rows] == [("T1", "answered"), ("T9", "running")]
    store.apply({"text": "newest", "state": "answered"}, "T9")
    assert [row.state for row in store.rows] == ["answered", "answered"]
    assert store.open == set()


def test_changes_that_were_forgotten_are_not_made_up() -> None:
    store = TurnStore(10)
    seen = store.changes
    for n in range(50_000):
        store.apply({"state": "queued"}, f"T{n % 10}")
    assert store.changed_since(seen) is None
    assert store.changed_since(store.changes) == []


# --- views


def synced(view: FilteredTurns) -> list[str]:
    view.sync()
    while view.scanning:
        view.sync()
    return [view.row(index).id for index in range(len(view))]


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["queued", "running", "answered", "failed"])),
        max_size=200,
    ),
    st.integers(1, 40),
)
def test_a_view_is_what_the_filter_would_keep_now(steps: list[tuple[int, str]], capacity: int) -> None:
    store, keep = TurnStore(capacity), parse("state in [answered, failed]").compile()
    view = FilteredTurns(store)
    view.use(keep)
    for at, (n, state) in enumerate(steps):
        store.apply({"state": state, "text": "x"}, f"T{n:02}")
        if at % 7 == 0:
            assert synced(view) == [row.id for row in store.rows if keep(row)]
    assert synced(view) == [row.id for row in store.rows if keep(row)]
    if steps:
        store.merge([{"id": "T00a", "state": "failed"}, {"id": "T99", "state": "answered"}])
        assert synced(view) == [row.id for row in store.rows if keep(row)]
    view.use(None)
    assert synced(view) == [row.id for row in store.rows]


def test_a_large_store_is_filtered_a_slice_at_a_time_the_newest_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(filtered, "SLICE", 10)
    store = TurnStore()
    for n in range(25):
        store.apply({"state": "answered"}, f"T{n:02}")
    view = FilteredTurns(store)
    view.use(lambda row: True)
    assert view.sync()
    assert [view.row(0).id, view.row(len(view) - 1).id] == ["T15", "T24"]
    assert view.scanning
    assert len(synced(view)) == 25
    assert not view.sync()


def test_open_turns_grow_older_for_filters() -> None:
    store, view = TurnStore(), FilteredTurns(TurnStore())
    view = FilteredTurns(store)
    view.use(parse("took > 5s").compile())
    store.apply({"state": "running", "received": 100.0}, "A")
    assert synced(view) == []
    store.age(106.0)
    assert synced(view) == ["A"]


def test_older_turns_stand_in_front_until_what_lies_between_is_lost() -> None:
    store = TurnStore(3)
    for n in range(3):
        store.apply({"state": "answered"}, f"T{n}")
    view = FilteredTurns(store)
    assert synced(view) == ["T0", "T1", "T2"]
    view.put_older([TurnRow("S1"), TurnRow("S2")])
    view.put_older([TurnRow("R1")])
    assert synced(view) == ["R1", "S1", "S2", "T0", "T1", "T2"]
    assert [view.index_of(view.place(index)) for index in range(len(view))] == list(range(6))
    assert (view.oldest, view.index_of_turn("S2"), view.index_of_turn("T1")) == ("R1", 2, 4)
    store.apply({"state": "queued"}, "T3")
    assert synced(view) == ["T1", "T2", "T3"]
    view.put_older([TurnRow("S1")])
    view.use(None)
    assert synced(view) == ["T1", "T2", "T3"]


def test_a_row_that_went_since_the_last_sync_is_empty() -> None:
    store = TurnStore(2)
    store.apply({"state": "queued"}, "A")
    view = FilteredTurns(store)
    view.sync()
    store.apply({"state": "queued"}, "B")
    store.apply({"state": "queued"}, "C")
    assert view.row(0).id == ""


def test_a_frozen_list_stays_where_it_was_frozen_first() -> None:
    follow = Follow()
    follow.freeze(5)
    follow.freeze(9)
    assert (follow.on, follow.end) == (False, 5)
    follow.resume()
    assert follow.on


# --- numbers, roles


def test_numbers_take_what_they_know() -> None:
    numbers = Numbers()
    numbers.take_stats({"received_per_s": 3.5, "queued": 2, "running": "many", "tomorrow": 1})
    numbers.take_stats({"received_per_s": 0.5})
    assert (lately(numbers.received), numbers.queued, numbers.running) == (2.0, 2, 0)
    assert lately(numbers.answered) == 0.0


@pytest.mark.parametrize(
    ("role", "may_operate", "may_administrate"),
    [("viewer", False, False), ("operator", True, False), ("", True, True)],
)
def test_the_status_tells_the_role(role: str, may_operate: bool, may_administrate: bool) -> None:
    state = ConsoleState()
    state.take_status(Status(role=role))
    assert (state.has("operator"), state.has("admin")) == (may_operate, may_administrate)


# --- a turn's steps and texts


def test_parts_of_a_turn_without_anything_are_empty() -> None:
    empty = TurnView(id="X", state="queued")
    assert [part(empty, name).text for name in ("prompt", "reply", "deliveries", "step")] == ["", "", "", ""]


def test_a_json_payload_is_laid_out_and_a_broken_one_is_shown_as_it_came() -> None:
    turn = TurnView.model_validate(turn_view())
    turn.message["raw"] = '{"msgtype":"text","content":"你好"}'
    assert '  "content": "你好"' in part(turn, "message").text
    turn.message["raw"] = '{"msgtype":'
    assert '{"msgtype":' in part(turn, "message").text


def test_a_common_reply_names_the_turns_it_answers() -> None:
    first = TurnView(id="A", text="when?", vars={"together": ["B", "C"], "asked": ["when?", "where?", "who"]})
    assert part(first, "message").text == "when?\n\n── together ──\nB  where?\nC  who"
    second = TurnView(id="B", text="where?", vars={"together": "A"})
    assert part(second, "message").text == "where?\n\n── together ──\nanswered with A"


def test_a_prompt_that_was_shortened_says_by_how_much_and_why() -> None:
    less = {"why": "context_overflow: too long", "lines": 6, "characters": 900}
    asked = {"request": {"messages": [{"role": "user", "content": "hi"}]}, "left_out": less}
    turn = TurnView.model_validate({"id": "A", "spans": [{"kind": "model", "name": "m", "data": asked}]})
    assert part(turn, "prompt").text.split("\n")[1:] == [
        "user: hi",
        "── left out: 6 lines, 900 characters of the conversation, context_overflow: too long ──",
    ]


def test_every_part_of_a_turn_with_strange_data_can_be_shown() -> None:
    strange = TurnView.model_validate(
        {
            "id": turn_id(1),
            "message": {"raw": None, "parts": [{}]},
            "spans": [{"kind": "model", "data": {"request": {"messages": [{}]}, "error": "late"}}],
            "deliveries": [{}],
        }
    )
    assert "late" in part(strange, "prompt").text
    assert part(strange, "message").text == "(?)"
    assert steps(all_spans(strange, strange.spans), Folds())


# --- cells


@given(st.text(max_size=60), st.integers(0, 40), st.booleans())
def test_what_fits_has_exactly_its_width_and_moves_no_cursor(text: str, width: int, right: bool) -> None:
    shown = cells.fit(text, width, right=right)
    assert cell_len(shown) == width
    assert shown.isprintable()


@given(st.text(max_size=200), st.integers(2, 30))
def test_wrapped_lines_are_narrow_enough_and_lose_only_blanks(text: str, width: int) -> None:
    lines = list(cells.wrap(text, width))
    assert all(cell_len(line) <= width for line in lines)
    kept = "".join(c if c.isprintable() else "·" for c in text.expandtabs(4))
    assert "".join(lines).replace(" ", "") == kept.replace(" ", "")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0000421, "42µs"),
        (0.0042, "4.2ms"),
        (0.0126, "13ms"),
        (0.9994, "999ms"),
        (0.9996, "1.0s"),
        (99.94, "99.9s"),
        (223, "3m43s"),
        (7300, "2h01m"),
        (900_000, "10d"),
    ],
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert cells.took(seconds) == shown
    assert len(shown) <= 7


@pytest.mark.parametrize(
    ("say", "amount", "shown"),
    [
        (cells.age, 59.9, "59s"),
        (cells.age, 7300, "2h"),
        (cells.age, -1, "0s"),
    ],
)
def test_ages_and_sizes_in_one_unit(say: Callable[[float], str], amount: float, shown: str) -> None:
    assert say(amount) == shown


def test_a_record_of_the_sample_is_a_row() -> None:
    row = TurnRow(turn_id(1))
    row.update(record(1, "wecom", "x", "y"))
    assert row.record()["user"] == "x"
