"""The API page is what the code says."""

from pathlib import Path

from mindbot_daemon.server.reference import renewed

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_page_is_fresh() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page, "run make docs"


def test_every_link_to_a_body_has_its_heading() -> None:
    import re

    page = PAGE.read_text(encoding="utf-8")
    headings = {line.lstrip("# ").lower() for line in page.splitlines() if line.startswith("### ")}
    assert set(re.findall(r"\(#([a-z]+)\)", page)) <= headings
