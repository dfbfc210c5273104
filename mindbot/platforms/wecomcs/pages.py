"""Answers of sync_msg become pages, as far as they can be read. Pure.

Source: WeCom developer centre, "Receiving messages and events" (path/94670). One entry that breaks the text
of an answer takes the entries behind it with it; a page with fewer entries is asked for then, down to one,
so that only what is broken itself is passed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mindbot.domain import fields, plain
from mindbot.domain.errors import MindBotError, NetworkFailed, Rejected
from mindbot.domain.message import Json
from mindbot.platforms.wecom_shared.errors import NoAnswer

LARGEST = 1000  # entries; WeCom's limit
_TIMES = 4  # so many times smaller, or larger again
_LONGEST_CURSOR = 64  # bytes
_KEPT = 64 << 10  # characters of an answer that cannot be read
#: A page this large may be what breaks off or does not come in time.
_SMALLER_HELPS = frozenset({"cut", "timeout", "disconnected", "too_large"})
_CURSOR = re.compile(r'(?<!\\)"next_cursor"\s*:\s*"([!#-\[\]-~]{1,64})"')
_LIST = re.compile(r'(?<!\\)"msg_list"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*+")
_OF_SYNC = re.compile(r'(?<!\\)"(?:msg_list|errcode)"\s*:')
_decoder = json.JSONDecoder(strict=False, parse_constant=lambda constant: None)


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, the cursor behind them (empty where none is told), and whether there is more."""

    entries: list[Any]
    cursor: str
    more: bool


class Broken(NetworkFailed):
    """The answer is not a page. ``said`` is as much of it as is kept, ``entries`` those of its list that came
    whole before it broke, ``cursor`` the one that can be made out behind what it holds, or empty."""

    def __init__(self, said: str, cursor: str = "", entries: Sequence[Any] = ()) -> None:
        hint = (
            "smaller pages are asked for; an entry that cannot be read is kept and passed once others can be"
        )
        if not cursor:
            hint = "nor does it tell where to go on: asked again; WeCom forgets an entry after three days"
        super().__init__("kf/sync_msg: the page cannot be read", hint=hint, code="broken_page", sent=True)
        self.said = said[:_KEPT]
        self.cursor = cursor
        self.entries = list(entries)


def of(answer: Json, asked: str = "") -> Page:
    """Return the page that an answer is, behind the cursor that was asked with.

    No list, or null, is a page without entries only where it leads nowhere: with a cursor that goes on,
    nobody knows what would be passed.

    Raises:
        Broken: its list is none.
    """
    listed, cursor = answer.get("msg_list"), _cursor(answer)
    if not isinstance(listed, list) and (listed is not None or cursor not in ("", asked)):
        raise Broken(plain.dumps(answer).decode(), cursor)
    entries = fields.items(listed)
    more = answer.get("has_more")
    # Who does not say whether there is more is asked until a page is empty.
    told = isinstance(more, bool | int | float | str)
    return Page(entries, cursor, fields.flag(more) if told else bool(entries))


def in_spite_of(error: NoAnswer, asked: str = "") -> Page:
    """Return the page of an answer that has no code: one that holds a list needs none.

    Raises:
        Broken: it is an answer of sync_msg, and cannot be read.
        NoAnswer: it is something else; somebody in between has spoken.
    """
    try:
        found = fields.mapping(plain.loads(error.body))
    except ValueError:
        said = plain.decoded(error.body)
        if not _OF_SYNC.search(said):
            error.body = b""  # nobody needs it any more, and the error is kept
            raise error from None
        entries, end = _whole_entries(said)
        raise Broken(said, _made_out(said, end), entries) from None
    if "msg_list" not in found:
        error.body = b""
        raise error
    return of(found, asked)


def smaller(limit: int) -> int:
    """Return how many entries are asked for after so many could not be read."""
    return max(1, limit // _TIMES)


def larger(limit: int) -> int:
    """Return how many are asked for after so many were read."""
    return min(LARGEST, limit * _TIMES)


def smaller_helps(error: MindBotError) -> bool:
    """Whether a page with fewer entries may come where this one did not."""
    return isinstance(error, NetworkFailed | Rejected) and error.code in _SMALLER_HELPS


def _cursor(answer: Json) -> str:
    cursor = fields.text(answer.get("next_cursor"))
    return cursor if len(cursor.encode()) <= _LONGEST_CURSOR else ""


def _whole_entries(said: str) -> tuple[list[Any], int]:
    """Return the entries that came whole at the beginning of a text's list, and where they end."""
    entries: list[Any] = []
    if (listed := _LIST.search(said)) is None:
        return entries, 0
    end = listed.end()
    with suppress(ValueError, RecursionError):
        while (begin := _BETWEEN.match(said, end)) and said.startswith("{", begin.end()):
            entry, end = _decoder.raw_decode(said, begin.end())
            entries.append(plain.plain(entry))
    return entries, end


def _made_out(said: str, end: int) -> str:
    """Return the cursor of a text that is no JSON: before its list, else the last one behind it.

    Inside of the list are people's words; up to ``end`` it could be read, and nothing there is a cursor.
    """
    listed = said.find('"msg_list"')
    found = list(_CURSOR.finditer(said))
    before = [match for match in found if listed < 0 or match.start() < listed]
    behind = [match for match in found if match.start() >= end]
    chosen = before[0] if before else behind[-1] if behind else None
    return chosen[1] if chosen else ""
