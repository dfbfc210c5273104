"""Thinking that a model writes into its answer, between tags: told from what it says. Pure.

Servers without a parser for reasoning pass it on: vLLM, SGLang and llama.cpp as they are started by default,
Ollama's ``/v1`` face, several clouds. The templates of some models (DeepSeek-R1, QwQ, Qwen's thinking ones)
write the opening tag themselves, so that only the end tag arrives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Opening and closing tags. The first are by far the most common.
_TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),  # Gemini's OpenAI face
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("[THINK]", "[/THINK]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi-VL
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # OpenThinker, Sky-T1
)
_ALL = tuple(tag.lower() for pair in _TAGS for tag in pair)
_LONGEST = max(map(len, _ALL))
_CLOSES = {opening.lower(): re.compile(re.escape(closing), re.I) for opening, closing in _TAGS}
_TAG = re.compile("|".join(map(re.escape, _ALL)), re.I)
_FENCE = "```"
_HEAD = len(_FENCE)
_FIRSTS = "<[◁"
_NOT_PLAIN = re.compile(rf"[{re.escape(_FIRSTS)}\n]")
_PROMPTED = re.compile(r"deepseek.?r1|qwq|thinking|glm-z1|[-_]r1\b|[-_]o1\b", re.I)


@dataclass(slots=True)
class Piece:
    """What came of one piece. ``afresh`` means that what was said before it had been thinking after all."""

    said: str = ""
    thought: str = ""
    afresh: bool = False


def unopened(model: str) -> bool:
    """Tell whether a model's name is one of those whose templates write the opening tag into the prompt."""
    return bool(_PROMPTED.search(model))


class Thinking:
    """Takes an answer in pieces and tells thinking from saying.

    Tags count at the beginning of a line and outside of code blocks: an answer may be about them. What
    follows an opening tag that nothing closes is thinking. An end tag that nothing opened turns all that was
    said before it into thinking; the first ``hold`` characters are kept back for that (-1: all of them).
    """

    def __init__(self, hold: int = 0) -> None:
        self.closed_unopened = False
        self._rest = ""  # of the last piece: what may become a tag
        self._closing: re.Pattern[str] | None = None  # ends the thinking we are in
        self._head = ""  # the first characters of the line that is being said, without blanks before them
        self._fenced = False
        self._trim = False  # the blank lines between thinking and answer are not said
        self._seen = False  # a tag
        self._hold = hold
        self._held: list[str] = []
        self._told = False  # something was returned as said

    def feed(self, text: str) -> Piece:
        """Take the next piece."""
        if self._plain and len(self._head) == _HEAD and not _NOT_PLAIN.search(text):
            return Piece(text)  # most of all pieces
        return self._take(self._rest + text, last=False)

    @property
    def _plain(self) -> bool:
        """Whether nothing is open, held back or waited for."""
        return not (self._rest or self._closing or self._trim or self._hold)

    def end(self) -> Piece:
        """Return what was held back; no piece follows."""
        piece = self._take(self._rest, last=True)
        return Piece(self._release() + piece.said, piece.thought, piece.afresh)

    def release(self) -> Piece:
        """Stop holding back: this answer's thinking comes by another way."""
        return Piece(self._release())

    def _take(self, text: str, *, last: bool) -> Piece:
        piece = Piece()
        at = 0
        while at < len(text):
            if self._closing:
                end = self._closing.search(text, at)
                if end is None:
                    break
                piece.thought += text[at : end.start()]
                at, self._closing, self._trim = end.end(), None, True
                continue
            tag = _TAG.search(text, at)
            if tag is None:
                break
            if not last and tag.end() == len(text) and tag[0].lower() not in _CLOSES:
                break  # what follows an end tag tells what it is
            self._say(text[at : tag.start()], piece)
            at = tag.end()
            self._tag(tag[0], text[at : at + 1], piece)
        rest = text[at:]
        keep = 0 if last else _unfinished(rest)
        self._rest = rest[len(rest) - keep :]
        rest = rest[: len(rest) - keep]
        if self._closing:
            piece.thought += rest
        else:
            self._say(rest, piece)
        self._told = self._told or bool(piece.said)
        return piece

    def _tag(self, tag: str, after: str, piece: Piece) -> None:
        opens = _CLOSES.get(tag.lower())
        if self._fenced or (self._head and (opens or after not in ("", "\n", "\r"))):
            self._say(tag, piece)
            return
        if opens:
            self._closing = opens
        elif not self._seen:
            self.closed_unopened = True
            piece.thought = "".join([*self._held, piece.said, piece.thought])
            piece.said = ""
            self._held.clear()
            piece.afresh = self._told
        self._seen = self._trim = True
        self._head = ""

    def _say(self, text: str, piece: Piece) -> None:
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        if not text:
            return
        first, *others = text.split("\n")
        self._head = (self._head + first.lstrip() if not self._head else self._head + first)[:_HEAD]
        for line in others:
            self._fenced ^= self._head == _FENCE
            self._head = line.lstrip()[:_HEAD]
        if not self._hold:
            piece.said += text
            return
        self._held.append(text)
        if self._hold > 0 and sum(map(len, self._held)) > self._hold:
            piece.said += self._release()

    def _release(self) -> str:
        text = "".join(self._held)
        self._held.clear()
        self._hold = 0
        return text


def _unfinished(text: str) -> int:
    """Return how many characters at the end of a text may be the beginning of a tag, or a tag."""
    tail = text[-_LONGEST:].lower()
    starts = (at for at, character in enumerate(tail) if character in _FIRSTS)
    return next((len(tail) - at for at in starts if any(tag.startswith(tail[at:]) for tag in _ALL)), 0)
