"""Which language a text is in, as far as workflows need to know: Chinese or English."""

from __future__ import annotations

import re

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[A-Za-z]{2,}")


def language(text: str, least: int = 0) -> str:
    """Return ``zh`` for a text with as many Chinese characters as words in Latin letters, or more, else
    ``en``; empty where it has fewer than ``least`` of both together, which do not tell."""
    han, words = len(_HAN.findall(text)), len(_WORD.findall(text))
    if han + words < least:
        return ""
    return "zh" if han and han >= words else "en"


def some_chinese(*texts: str) -> bool:
    """Tell whether any of the texts has Chinese in it."""
    return any(_HAN.search(text) for text in texts)
