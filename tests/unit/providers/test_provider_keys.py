"""Keys and addresses of calls, as they are copied from pages."""

from __future__ import annotations

import pytest

from mindbot.domain.errors import SecretError
from mindbot.http.guard import endpoint
from mindbot.providers.shared.secrets import bare_key


@pytest.mark.parametrize(
    "text", ["sk-a1", " sk-a1\n", "Bearer sk-a1", "bearer  sk-a1", "Authorization: Bearer sk-a1", "'sk-a1'"]
)
def test_a_key_goes_without_what_was_around_it(text: str) -> None:
    assert bare_key(text) == "sk-a1"
    assert bare_key("") == ""


@pytest.mark.parametrize("text", ["ｓｋ-hidden", "sk-hid\u200bden", "sk-hid\nden"])
def test_a_key_that_no_header_carries_says_so_and_not_what_it_is(text: str) -> None:
    with pytest.raises(SecretError, match="no key has") as caught:
        bare_key(text)
    assert "den" not in str(caught.value)


@pytest.mark.parametrize(
    ("base", "whole"),
    [
        ("https://a.example/v1", "https://a.example/v1/chat/completions"),
        (
            "https://a.example/v1/?api-version=1&b=2",
            "https://a.example/v1/chat/completions?api-version=1&b=2",
        ),
    ],
)
def test_a_query_of_the_base_url_goes_along(base: str, whole: str) -> None:
    assert endpoint(base, "/chat/completions") == whole
