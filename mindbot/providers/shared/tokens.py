"""How many tokens a text takes, about: where the vendor does not tell, or has not yet."""

from __future__ import annotations

from collections.abc import Sequence

from mindbot.domain.chat import ChatMessage

_LETTERS = 4  # characters of alphabetic scripts in a token
_LINE = 4  # tokens around each line of a prompt
_FIRST_WIDE = "\u2e80"  # from here on a character is a word or a syllable: Chinese, Japanese, Korean


def of_text(text: str) -> int:
    """Return the tokens of a text, about; a Chinese character is one."""
    if text.isascii():
        return (len(text) + _LETTERS - 1) // _LETTERS
    wide = sum(c >= _FIRST_WIDE for c in text)
    return wide + (len(text) - wide + _LETTERS - 1) // _LETTERS


def of_prompt(messages: Sequence[ChatMessage]) -> int:
    """Return the tokens of a prompt's words, about."""
    return sum(_LINE + of_text(m.content) for m in messages)
