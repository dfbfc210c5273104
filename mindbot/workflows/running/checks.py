"""What a workflow takes, and which of its answers count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from mindbot.config.workflows import AcceptSettings, ResponseSettings
from mindbot.domain.conversation import wordless
from mindbot.domain.message import Message
from mindbot.workflows.languages import language

#: How models say that they will not, in Chinese and English; a text has to begin so.
BUILTIN_REFUSALS = (
    r"^\W*(很)?(抱歉|对不起|不好意思)[，,。！!\s]*(我|作为|目前|暂时)?.{0,12}"
    r"(无法|不能|没办法|没有办法|不支持|不会|不方便|无权|不清楚|不知道|帮不)",
    r"^\W*(作为(一个|一名)?(人工智能|AI|语言模型)).{0,20}(无法|不能|没有)",
    r"^\W*我(暂时|目前)?(无法|不能)(回答|提供|协助|帮助|处理|完成)",
    r"(?i)^\W*(i['’]?m|i am|we['’]?re)?\s*(very |so |terribly )?sorry[,.!\s]+(but )?(as an ai[^.]{0,40})?"
    r"(i|we)\s*('m| am|’m|'re| are)?\s*(can\s?not|can['’]?t|could not|couldn['’]?t|unable|not able|don['’]?t"
    r"|do not|won['’]?t)",
    r"(?i)^\W*as an ai( language)?( model| assistant)?,? i\b.{0,30}\b(can\s?not|can['’]?t|don['’]?t|unable"
    r"|not able)",
    r"(?i)^\W*(unfortunately,? )?i (can\s?not|can['’]?t|am unable to|am not able to|won['’]?t) "
    r"(help|assist|answer|provide|do that|comply)",
)

_CLEAR = 4  # words and characters that a text must have for its language to be told


def not_taken(accept: AcceptSettings, message: Message) -> str:
    """Return why a workflow does not take a message; empty where it does."""
    if accept.kinds:
        kinds = {part.kind for part in message.parts if not part.foreign} or {message.kind}
        if others := sorted(kinds - set(accept.kinds)):
            return f"it takes {', '.join(accept.kinds)}, not {', '.join(others)}"
    text = message.said
    if accept.max_chars and len(text) > accept.max_chars:
        return f"the text has {len(text)} characters, it takes {accept.max_chars}"
    if accept.pattern and not _search(accept.pattern)(text):
        return f"the text does not match {accept.pattern}"
    return ""


class AnswerCheck:
    """Tells of the answers to one question whether they count. ``strict``: by more than having words."""

    def __init__(self, settings: ResponseSettings, question: str) -> None:
        self._least = settings.min_chars
        builtin = BUILTIN_REFUSALS if settings.builtin_refusals else ()
        self._refusals: Sequence[str] = (*settings.refusals, *builtin)
        same = settings.language == "same"
        self._language = language(question, _CLEAR) if same else settings.language
        self.strict = bool(self._least or self._refusals or self._language)

    def wrong(self, text: str) -> str:
        """Return why a whole answer does not count; empty where it does."""
        if wordless(text):
            return "the answer has no words"
        said = text.strip()
        if len(said) < self._least:
            return f"the answer is too short: {len(said)} characters of at least {self._least}"
        if any(_search(pattern)(said) for pattern in self._refusals):
            return "the answer is a refusal"
        told = language(said, _CLEAR) if self._language else ""
        if told and told != self._language:
            return f"the answer is in another language: {told}, not {self._language}"
        return ""


@cache
def _search(pattern: str) -> Callable[[str], Any]:
    import re2  # loaded only where there are patterns

    search: Callable[[str], Any] = re2.compile(pattern).search
    return search
