"""What a simulated model was asked, and what it answers: the same for all vendors, without their wire shapes.

A token is four characters here, so that lengths, usage and the pieces of a stream agree and can be computed
by a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mindbot.domain.message import Json

_TOKEN = 4  # characters
_PER_UTTERANCE = 4  # tokens
_PICTURE = 256  # tokens


def pieces(text: str) -> list[str]:
    """Return the tokens of a text."""
    return [text[i : i + _TOKEN] for i in range(0, len(text), _TOKEN)]


def count_tokens(text: str) -> int:
    """Return how many tokens a text has."""
    return (len(text) + _TOKEN - 1) // _TOKEN


def first_tokens(text: str, count: int) -> str:
    """Return the beginning of a text."""
    return text[: count * _TOKEN]


def in_halves(text: str) -> str:
    """Return a text whose characters beyond 16 bits are two halves each, to be cut between them."""
    units = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(int.from_bytes(units[i : i + 2], "little")) for i in range(0, len(units), 2))


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing said in a conversation. A message that a vendor lets hold several becomes several.

    ``calls`` are the ids of the tool calls in it, ``result_of`` the id of the call it is the result of.
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    calls: tuple[str, ...] = ()
    result_of: str = ""
    pictures: int = 0

    def to_json(self) -> Json:
        return {
            name: list(v) if isinstance(v := getattr(self, name), tuple) else v for name in self.__slots__
        }


@dataclass(frozen=True, slots=True)
class ModelQuestion:
    """A request for an answer.

    ``tools`` are the names of those offered, ``forced`` the one that must be called ("*": any of them).
    ``limit`` is the greatest number of tokens of the answer (0: none), ``stops`` end it where they stand.
    ``thinks``: the answer comes with reasoning. ``answer`` is given in place of the echo.
    """

    model: str
    said: Sequence[Utterance]
    tools: tuple[str, ...] = ()
    forced: str = ""
    limit: int = 0
    stops: tuple[str, ...] = ()
    thinks: bool = False
    answer: str = ""

    @property
    def tokens(self) -> int:
        """How long the request is."""
        return sum(count_tokens(u.text) + _PER_UTTERANCE + u.pictures * _PICTURE for u in self.said)

    @property
    def asked(self) -> str:
        """The last thing that the user said."""
        return next((u.text for u in reversed(self.said) if u.role == "user"), "")

    @property
    def results(self) -> list[str]:
        """The results of tools at the end, which nobody has answered yet."""
        found: list[str] = []
        for each in reversed(self.said):
            if each.role != "tool":
                break
            found.insert(0, each.text)
        return found


@dataclass(slots=True)
class Scripted:
    """A reply prepared by a test, used instead of the echo.

    ``match`` is a regular expression searched in the last user message (empty: any). It is used ``times``
    times (0: for ever). A tool call is ``{"name", "arguments"}``; arguments given as text are sent as they
    are, valid JSON or not. ``finish`` overrides the finish reason, in the vendor's words. ``think`` are
    seconds before it begins, ``cached`` the tokens of the request that are reported as read from a cache.
    ``blocked`` refuses the request as the vendor's filter does, where it does so inside an answer.
    """

    text: str = ""
    tool_calls: list[Json] = field(default_factory=list)
    reasoning: str = ""
    finish: str = ""
    match: str = ""
    times: int = 1
    think: float = 0.0
    cached: int = 0
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A tool call in an answer. ``arguments`` is JSON, or what a script wants to stand there."""

    id: str
    name: str
    arguments: str


@dataclass(slots=True)
class ModelReply:
    """One answer. ``text`` ends already where the limit or a stop sequence (``stopped_by``) ends it.

    ``why`` is the reason in one vocabulary for all vendors; ``finish`` a script's own, in its vendor's words.
    """

    model: str
    text: str
    calls: list[ModelCall]
    reasoning: str
    why: Literal["stop", "length", "calls", "sequence"]
    prompt_tokens: int
    finish: str = ""
    stopped_by: str = ""
    think: float = 0.0
    cached: int = 0
    blocked: str = ""

    @property
    def reasoning_tokens(self) -> int:
        return count_tokens(self.reasoning)

    @property
    def tokens(self) -> int:
        """How long the answer is, its reasoning and the arguments of its calls included."""
        return (
            count_tokens(self.text)
            + self.reasoning_tokens
            + sum(count_tokens(c.arguments) for c in self.calls)
        )
