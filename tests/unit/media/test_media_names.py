"""What a download says of its file's name: cleaned, and never an error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.media.downloads import name_in


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a.pdf"', "a.pdf"),
        ('attachment; filename="../../a.pdf"', "a.pdf"),
        ("attachment; filename*=UTF-8''a%0d%0aX%3A%201.txt", "a X: 1.txt"),
        ("attachment; filename*=UTF-8''%E6%8A%A5.txt", "报.txt"),
        ("attachment", ""),
        ("", ""),
    ],
)
def test_names_are_read_and_cleaned(header: str, name: str) -> None:
    assert name_in(header) == name


@given(st.text("attachment;filenm*=\"'%0123abUTF-8 \\\r\n\x00界", max_size=40))
@settings(deadline=None)
def test_no_header_breaks_a_download(header: str) -> None:
    assert "\n" not in name_in(f"attachment; {header}")
