"""File names on their way out: one line, no path, never empty."""

import pytest

from mindbot.domain.names import file_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("two\r\nlines.pdf", "two lines.pdf"),
        ("\x00\x1b[31mred\x7f.txt", "[31mred.txt"),
        ("../../etc/passwd", "passwd"),
        ("季度 报告.docx", "季度 报告.docx"),
        ("👩‍🚀.png", "👩‍🚀.png"),
        ("evil\u202efdp.exe", "evilfdp.exe"),
        ("half \ud800.md", "half .md"),
        ("\n\t", "file"),
        ("..", "file"),
        ("", "file"),
    ],
)
def test_a_name_is_shown_on_one_line(name: str, shown: str) -> None:
    assert file_name(name, "file") == shown
