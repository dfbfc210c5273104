"""Stages that only hold others become one line, and a failure is told where it began."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mindbot.api.folding import PIPELINE, failure_of, folded, inside, passes_on
from mindbot.api.models import SpanView


def span(id: int, parent: int, name: str, took: float | None = 100.0, **more: object) -> SpanView:
    kind = str(more.pop("kind", "stage"))
    return SpanView.model_validate(
        {"id": id, "parent": parent, "kind": kind, "name": name, "took_ms": took} | more
    )


def shown(spans: list[SpanView]) -> list[tuple[int, int, str, str]]:
    return [(each.id, each.parent, each.kind, each.name) for each in folded(spans)]


def test_stages_within_stages_are_one() -> None:
    spans = [
        span(1, 0, "deliver", 100.0),
        span(2, 1, "errors", 99.9),
        span(3, 2, "classify", 99.8),
        span(4, 3, "classify", 0.4, kind="rule"),
        span(5, 3, "run", 99.0),
        span(6, 5, "chat", 98.9, kind="model"),
        span(7, 0, "wecom/b", 3.0, kind="delivery"),
    ]
    assert shown(spans) == [
        (1, 0, PIPELINE, "deliver … run"),
        (4, 1, "rule", "classify"),
        (6, 1, "model", "chat"),
        (7, 0, "delivery", "wecom/b"),
    ]
    assert folded(spans)[0].data == {"stages": ["deliver", "errors", "classify", "run"]}
    assert folded(spans)[0].took_ms == 100.0


def test_a_stage_that_did_something_stays() -> None:
    slow = [span(1, 0, "deliver"), span(2, 1, "session"), span(3, 2, "run", 60.0), span(4, 3, "m", 60.0)]
    assert [name for *_, name in shown(slow)] == ["deliver", "session", "run", "m"]
    noted = [span(1, 0, "deliver"), span(2, 1, "media", data={"size": 3}), span(3, 2, "run")]
    assert [name for *_, name in shown(noted)] == ["deliver", "media", "run"]
    alone = [span(1, 0, "run"), span(2, 1, "m", kind="model")]
    assert [name for *_, name in shown(alone)] == ["run", "m"]


def test_what_a_failure_went_through_is_no_failure_of_its_own() -> None:
    spans = [
        span(1, 0, "deliver"),
        span(2, 1, "compose", status="error", data={"error": "overloaded: too busy"}),
        span(3, 2, "run", status="error", data={"error": "overloaded: too busy"}),
        span(
            4,
            3,
            "m",
            kind="model",
            status="error",
            data={"error": {"kind": "overloaded", "message": "too busy"}},
        ),
    ]
    assert [name for *_, name in shown(spans)] == ["deliver … run", "m"]
    assert str(failure_of(spans[3])) == "overloaded: too busy"
    own = [spans[0], spans[1].model_copy(update={"data": {"error": "its own"}}), *spans[2:]]
    assert [name for *_, name in shown(own)] == ["deliver", "compose", "run", "m"]
    assert not passes_on(own[1], own[2:3])
    assert failure_of(spans[0]) is None


def test_what_was_stopped_inside_is_folded() -> None:
    stopped = [span(n, n - 1, name, status="cancelled") for n, name in enumerate(("deliver", "run", "m"), 1)]
    assert [name for *_, name in shown([*stopped[:2], stopped[2].model_copy(update={"kind": "model"})])] == [
        "deliver … run",
        "m",
    ]


def test_what_runs_still_is_folded() -> None:
    spans = [span(1, 0, "deliver", None), span(2, 1, "run", None), span(3, 2, "m", None, kind="model")]
    assert [name for *_, name in shown(spans)] == ["deliver … run", "m"]


@given(st.dictionaries(st.integers(1, 8), st.tuples(st.integers(0, 9), st.sampled_from(["stage", "model"]))))
def test_no_step_is_lost_or_left_without_a_place(record: dict[int, tuple[int, str]]) -> None:
    spans = [span(id, parent, f"{id}", kind=kind) for id, (parent, kind) in record.items()]
    found = folded(spans)
    models = {each.id for each in spans if each.kind == "model"}
    assert models == {each.id for each in found if each.kind == "model"}
    places = {each.id for each in found}
    assert all(each.parent in places for each in found if each.parent in record)
    assert sum(map(len, inside(found).values())) == len(found)
