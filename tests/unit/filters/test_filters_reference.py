"""The filter page is what the code says."""

from pathlib import Path

from mindbot.filters.bench import FILTERS, RECORD, bench
from mindbot.filters.language import parse
from mindbot.filters.reference import renewed

PAGE = Path(__file__).parents[3] / "docs" / "filters.md"


def test_the_page_is_fresh() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page, "run make docs"


def test_the_benchmark_asks_every_term() -> None:
    assert all(parse(text).compile()(RECORD) for text in FILTERS.values())
    assert bench(evaluations=1000, rounds=1).keys() == {"floor", *FILTERS}
