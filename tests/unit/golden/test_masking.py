"""What is personal is masked: the same thing alike, in its form, and so that nobody finds it by trying."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.golden.masking import Masker, key_of, shape

KEY = b"k" * 32


def test_ids_names_addresses_and_numbers_are_masked_wherever_they_stand() -> None:
    masker = Masker(KEY)
    user = masker.id("user", "zhang.san")
    masker.names(["张三", "Anna Meyer"])
    said = masker.text("zhang.san (张三, Anna Meyer) at san@corp.example, 13812345678 or 138-1234-5678")
    assert not any(word in said for word in ("zhang", "张三", "Anna", "corp", "12345678", "5678"))
    assert user in said and re.search(r"mail-[a-p]{8}@example\.com, 13\d{9} or 13\d-\d{4}-\d{4}", said)
    first, second = re.findall(r"13[\d-]+", said)
    assert first == second.replace("-", ""), "one number is one mask, however it is written"


@pytest.mark.parametrize(
    "text",
    [
        "in 2026-11-30 at 10:30",
        "v1.2.345",
        "100000 yuan",
        "abc1234567",
        "12345",
        "zhangsan is no zhang.san-like",
    ],
)
def test_what_is_nobodys_stays(text: str) -> None:
    masker = Masker(KEY)
    masker.id("user", "zhang")
    assert masker.text(text) == text


def test_a_secret_and_what_no_text_has_are_gone() -> None:
    assert Masker(KEY).text("password=hunter22 \x00\x1b[31m\x85") == "password=******** [31m"


def test_what_rules_name_is_kept_and_what_is_masked_is_masked_alike() -> None:
    masker = Masker(KEY, keep=["boss"])
    assert masker.id("user", "boss") == "boss" and masker.id("group", "") == ""
    assert masker.id("user", "mei") == Masker(KEY).id("user", "mei") != Masker(b"x" * 32).id("user", "mei")


@settings(max_examples=40)
@given(st.from_regex(r"[1-9][0-9]{6,17}", fullmatch=True))
def test_a_number_keeps_its_form(number: str) -> None:
    masked = Masker(KEY).text(f"no. {number}!")
    assert re.fullmatch(rf"no\. {number[:2]}\d{{{len(number) - 2}}}!", masked, re.ASCII)


@settings(max_examples=40)
@given(st.text(st.sampled_from("ab1 -+@.x张三\n9"), max_size=60))
def test_what_was_masked_has_the_shape_of_what_it_was(text: str) -> None:
    """Words of a configuration are not masked when they come again, and are the same for all that."""
    assert shape(Masker(KEY).text(text)) == shape(text)


def test_the_key_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    first = key_of(tmp_path / "state")
    assert len(first) == 32 and key_of(tmp_path / "state") == first != key_of(tmp_path / "other")
    assert (tmp_path / "state" / "golden.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "file").touch()
    assert len(key_of(tmp_path / "file")) == 32, "where nothing can be kept it is one for this time"
