"""Thinking that a model writes into its answer, between tags: told from what it says. Pure.

Servers without a parser for reasoning pass it on: vLLM, SGLang and llama.cpp as they are started by default,
Ollama's ``/v1`` face, several clouds. The templates of some models (DeepSeek-R1, QwQ, Qwen's thinking ones)
write the opening tag themselves, so that only the end tag arrives.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

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
_FIRSTS = "<[◁"
#: The second characters first: most of what begins like a tag is none.
_SECONDS = "".join(sorted({tag[1] for tag in _ALL}))
_TAG = re.compile(
    f"[{re.escape(_FIRSTS)}](?=[{re.escape(_SECONDS)}])"
    f"(?:{'|'.join(f'(?<={re.escape(tag[0])}){re.escape(tag[1:])}' for tag in _ALL)})",
    re.I,
)
#: Tags that are looked for in one answer. Who writes more is no model; what looks like one is text then.
_MOST_TAGS = 1000
_NOT_PLAIN = re.compile(rf"[{re.escape(_FIRSTS)}\n]")
#: The line that begins or ends a code block (CommonMark, "Fenced code blocks"): its marks, and what follows.
_FENCE = re.compile(r"^[^\S\n]*(?P<marks>`{3,}|~{3,})(?P<info>[^\n]*)$", re.M)
_MOST_FENCES = 10_000  # in one piece
_MARKS = ("```", "~~~")
_HEAD = 3  # characters that tell whether a line may be one
_FENCE_LINE = 200  # characters of one
_PROMPTED = re.compile(r"deepseek.?r1|qwq|thinking|glm-z1|[-_]r1\b|[-_]o1\b", re.I)


class SaidAndThought(NamedTuple):
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
    follows an opening tag that nothing closes is thinking, but for an answer that goes on behind words to its
    own end: such a tag was one of them. An end tag that nothing opened turns all that was
    said before it into thinking; the first ``hold`` characters are kept back for that (-1: all of them).
    """

    def __init__(self, hold: int = 0) -> None:
        self.closed_unopened = False
        self._rest = ""  # of the last piece: what may become a tag
        self._closing: re.Pattern[str] | None = None  # ends the thinking we are in
        self._line = ""  # the beginning of the line that is being said, without blanks before it
        self._fence = ""  # the marks that began the code block we are in
        self._quoted = False  # a code block shows the opening tag: its end tag is one of the answer
        self._trim = False  # the blank lines between thinking and answer are not said
        self._seen = False  # a tag
        self._tags = 0  # or what looked like one
        self._hold = hold
        self._held: list[str] = []
        self._told = False  # something was returned as said
        self._words = False  # something was said
        self._open: list[str] = []  # the tag that is open behind words, and what follows

    def feed(self, text: str) -> SaidAndThought:
        """Take the next piece."""
        if self._plain and not _NOT_PLAIN.search(text):
            return SaidAndThought(text)  # most of all pieces
        return self._take(self._rest + text, last=False)

    @property
    def _plain(self) -> bool:
        """Whether nothing is open, held back or waited for, and the line is known for what it is."""
        waits = self._rest or self._closing or self._trim or self._hold
        return not waits and len(self._line) >= _HEAD and not self._line.startswith(_MARKS)

    def end(self, *, stopped: bool = False) -> SaidAndThought:
        """Return what was held back; no piece follows. ``stopped``: by the model, not by a limit."""
        piece = self._take(self._rest, last=True)
        open_ = "".join(self._open) if stopped else ""
        return SaidAndThought(self._release() + piece.said + open_, piece.thought, piece.afresh)

    def release(self) -> SaidAndThought:
        """Stop holding back: this answer's thinking comes by another way."""
        return SaidAndThought(self._release())

    def _take(self, text: str, *, last: bool) -> SaidAndThought:
        said: list[str] = []
        thought: list[str] = []
        afresh = False
        at = 0
        while at < len(text):
            if self._closing:
                end = self._closing.search(text, at)
                if end is None:
                    break
                thought.append(text[at : end.start()])
                self._open.clear()
                at, self._closing, self._trim = end.end(), None, True
                continue
            tag = _TAG.search(text, at) if self._tags < _MOST_TAGS else None
            if tag is None:
                break
            if not last and tag.end() == len(text) and tag[0].lower() not in _CLOSES:
                break  # what follows an end tag tells what it is
            self._tags += 1
            self._say(text[at : tag.start()], said)
            at = tag.end()
            if not self._counts(tag[0].lower(), text[at : at + 1]):
                self._say(tag[0], said)
            elif self._opened(tag[0]):
                thought[:0] = [*self._held, *said]
                afresh = self._told
                said.clear()
                self._held.clear()
        rest = text[at:]
        keep = 0 if last else _unfinished(rest)
        self._rest = rest[len(rest) - keep :]
        rest = rest[: len(rest) - keep]
        if self._closing:
            thought.append(rest)
            if self._open:
                self._open.append(rest)
        else:
            self._say(rest, said)
        piece = SaidAndThought("".join(said), "".join(thought), afresh)
        self._told = self._told or bool(piece.said)
        return piece

    def _counts(self, tag: str, after: str) -> bool:
        """Tell whether a tag is one, and not part of what is said."""
        opens = tag in _CLOSES
        alone = not self._line and (opens or after in ("", "\n", "\r"))
        if self._fence:
            # Thoughts may leave a code block open. In an answer an end tag without its beginning is rare.
            ends = alone and not (opens or self._seen or self._quoted) and self._hold < 0
            self._quoted = self._quoted or opens
            return ends
        return not self._line if opens else not self._line or after in ("", "\n", "\r")

    def _opened(self, tag: str) -> bool:
        """Go by a tag that counts; tell whether it makes thinking of all that was said before it."""
        self._closing = _CLOSES.get(tag.lower())
        unopened = not (self._closing or self._seen)
        self._words = self._words and not unopened
        if self._closing and self._words:
            self._open = [tag]
        self.closed_unopened = self.closed_unopened or unopened
        self._seen = self._trim = True
        self._line = self._fence = ""
        return unopened

    def _say(self, text: str, said: list[str]) -> None:
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        if not text:
            return
        self._words = self._words or not text.isspace()
        self._follow(text)
        if not self._hold:
            said.append(text)
            return
        self._held.append(text)
        if self._hold > 0 and sum(map(len, self._held)) > self._hold:
            said.append(self._release())

    def _follow(self, text: str) -> None:
        """Follow the lines and code blocks of what is said."""
        first, newline, others = text.partition("\n")
        self._line = (self._line + first if self._line else first.lstrip())[:_FENCE_LINE]
        if not newline:
            return
        whole, newline, begun = others.rpartition("\n")
        for line in (self._line, whole) if newline else (self._line,):
            for fence in islice(_FENCE.finditer(line), _MOST_FENCES):
                self._fenced(fence["marks"], fence["info"].strip())
        self._line = begun.lstrip()[:_FENCE_LINE]

    def _fenced(self, marks: str, info: str) -> None:
        if not self._fence:
            if marks[0] == "~" or "`" not in info:  # ```such``` is code within a line
                self._fence = marks
        elif not info and marks.startswith(self._fence):
            self._fence = ""

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
