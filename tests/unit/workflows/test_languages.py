"""Texts are in Chinese or in English, for all who ask; short ones may not tell."""

from __future__ import annotations

import pytest

from mindbot.config.workflows import ResponseSettings
from mindbot.workflows.languages import language, some_chinese
from mindbot.workflows.running.checks import AnswerCheck


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("你好", "zh"),
        ("帮我写一段 python 代码", "zh"),
        ("使用 Docker Compose", "zh"),
        ("\uf900\uf901 ok", "zh"),  # characters of older character sets
        ("what does 你好 mean in English", "en"),
        ("hello", "en"),
        ("42!", "en"),
        ("", "en"),
    ],
)
def test_a_text_is_in_the_language_of_most_of_it(text: str, meant: str) -> None:
    assert language(text) == meant


def test_a_text_that_says_too_little_tells_no_language() -> None:
    assert (language("ok 42", 4), language("好的", 4), language("今天天气", 4)) == ("", "", "zh")
    assert some_chinese("approve?", "同意")
    assert not some_chinese("approve?", "yes")


def test_an_answer_in_characters_of_older_sets_is_chinese_too() -> None:
    check = AnswerCheck(ResponseSettings(language="same"), "今天天气怎么样")
    assert not check.wrong("\uf900\uf901\uf902\uf903 ok then")
    assert "another language: en" in check.wrong("it is sunny and warm today")
