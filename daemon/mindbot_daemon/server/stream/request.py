"""What a client asks of the event stream: ``topics``, ``filter`` and ``since``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mindbot.domain.errors import Invalid
from mindbot.domain.events import QUIET, TOPICS
from mindbot.filters.fields import EVENT_FIELDS
from mindbot.filters.language import parse

MOST_FILTER = 4096  # characters


@dataclass(frozen=True, slots=True)
class Request:
    """``types`` are single types of a topic, e.g. ``turn.answered``; ``topics`` what is given whole.

    Equal requests get the same frames; ``since`` is where to go on: (epoch, seq).
    """

    topics: frozenset[str]
    types: frozenset[str] = frozenset()
    filter: str = ""
    since: tuple[str, int] | None = field(default=None, compare=False)
    keep: Callable[[object], bool] | None = field(default=None, compare=False, repr=False)

    @property
    def observed(self) -> frozenset[str]:
        """The topics to look at."""
        return self.topics | {each.partition(".")[0] for each in self.types}

    @property
    def picky(self) -> bool:
        """Whether states that turns only pass through can be what is looked for."""
        return self.keep is not None or bool(self.types)


def read(query: Mapping[str, str]) -> Request:
    """Read a query string's parameters; unknown ones are ignored.

    Raises:
        Invalid: a topic that does not exist, or a place that is none.
        BadFilter: with the column of the mistake.
    """
    wanted = [each.strip() for each in query.get("topics", "").split(",") if each.strip()] or list(QUIET)
    for each in wanted:
        if each.partition(".")[0] not in TOPICS:
            raise Invalid(f"no topic {each!r}", hint=f"topics: {', '.join(TOPICS)}")
    text = query.get("filter", "").strip()
    if len(text) > MOST_FILTER:
        raise Invalid(f"the filter is over {MOST_FILTER} characters")
    return Request(
        topics=frozenset(each for each in wanted if "." not in each),
        types=frozenset(each for each in wanted if "." in each),
        filter=text,
        since=_place(query.get("since", "")),
        keep=parse(text, EVENT_FIELDS).compile() if text else None,
    )


def _place(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    epoch, colon, seq = text.partition(":")
    if not (colon and seq.isdecimal() and len(seq) < 19):
        raise Invalid(f"{text!r} is no place in the stream", hint="since=EPOCH:SEQ, as events have them")
    return epoch, int(seq)
