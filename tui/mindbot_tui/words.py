"""What the console says, in English and in Chinese. The English text is the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mindbot_tui.chinese import ZH

Language = Literal["en", "zh"]
LANGUAGES: dict[str, str] = {"en": "English", "zh": "中文"}


class Words:
    """Says a text in the language in use; ``{name}`` in it is filled from the keywords."""

    def __init__(self, language: str = "en") -> None:
        self.language: Language = "zh" if language == "zh" else "en"

    def __call__(self, text: str, /, **values: object) -> str:
        said = ZH.get(text, text) if self.language == "zh" else text
        return said.format(**values) if values else said


def language_of(environ: Mapping[str, str]) -> Language:
    """Return the language that a process's environment asks for, as locale(7) reads it."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"
