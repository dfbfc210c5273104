"""Failures by their cause: twelve turns that failed alike are one thing to look at, and one to mend."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from mindbot.domain.shapes.failures import BundleJson, OpenBundleJson, SufferingJson
from mindbot.domain.shapes.turns import TurnLineJson

_LONGEST = 160  # characters of a cause
_MOST_PEOPLE = 500  # of a bundle that is opened
_MOST_TURNS = 50  # of one of them

#: What differs from turn to turn: ids, and numbers that are no codes.
_IDS = re.compile(
    r"\b(?:(?=(?:[\w-]*\d){4})[\w-]{12,}|(?=(?:\w*\d){2})[0-9A-Z]{10,}|(?=\w*\d)[0-9a-f]{8,})\b", re.ASCII
)
#: Where it was asked: a bundle names what failed, and each mirror of it would be a cause of its own.
_ADDRESS = re.compile(r"(?:\b(?:GET|POST|PUT|PATCH|DELETE|HEAD) )?\bhttps?://[^\s,;\"'()]+(?: :(?= ))?")
_NUMBER = re.compile(r"(?<![\w-])\d+(?:[.,]\d+)*", re.ASCII)
_NAMES = re.compile(r"(?:code|error|status)[ :=]{1,2}$", re.IGNORECASE)
_STATUS = re.compile(r"[45]\d\d", re.ASCII)
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
_ODD_BLANKS = re.compile(r"\s\s|[^\S ]")
_ID, _COUNT = "…", "#"

Kind = Literal["failed", "undelivered"]
#: A person in a conversation: platform, bot, session, user.
Person = tuple[str, str, str, str]


def cause_of(text: str) -> str:
    """Return an error's words without what differs from turn to turn; codes of vendors stay."""
    text = _ADDRESS.sub(_ID, " ".join(text[: 4 * _LONGEST].split()))
    text = _IDS.sub(_ID, text)

    def number(found: re.Match[str]) -> str:
        digits, after = found[0], text[found.end() : found.end() + 1]
        named = after == ":" or _NAMES.search(text, 0, found.start()) is not None
        code = digits.isdigit() and named and 3 <= len(digits) <= 7
        return digits if code or _STATUS.fullmatch(digits) else _COUNT

    return _NUMBER.sub(number, text)[:_LONGEST]


def pattern_of(cause: str, *, blanks: str = r"\s+") -> str:
    """Return a pattern that finds the words that a cause was made of (RE2's, as filters have it).

    A cause has single ``blanks`` where its words may have had more.
    """
    pieces = (_SPECIAL.sub(r"\\\1", piece) for piece in re.split(f"[{_ID}{_COUNT}]", cause))
    return blanks.join(".+".join(pieces).split())


@dataclass(slots=True)
class Bundle:
    """Turns with one cause; see `BundleJson`."""

    kind: Kind
    component: str
    error: str
    cause: str
    turns: list[TurnLineJson] = field(default_factory=list)  # the newest first
    waiting: dict[Person, list[TurnLineJson]] = field(default_factory=dict)
    answered: dict[Person, list[TurnLineJson]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its id, the same in every process."""
        key = "\0".join((self.kind, self.component, self.error, self.cause))
        return hashlib.sha256(key.encode()).hexdigest()[:10]

    @property
    def retried(self) -> list[TurnLineJson]:
        """The turns of those who wait, the oldest first; tests have nobody who does."""
        return [turn for turns in self.waiting.values() for turn in reversed(turns)]

    @property
    def filter(self) -> str:
        """A filter that shows its turns."""
        if self.kind == "undelivered":
            platform, _, bot = self.component.partition("/")
            named = {"platform": platform, "bot": bot}
            text, terms = "delivery_error", ["undelivered"]
        else:
            kind, _, name = self.component.partition(" ")
            named = {kind: name, "error": self.error}
            text, terms = "reason", ["state in [failed, dead]"]
        terms += [f"{name} == {_quoted(value)}" for name, value in named.items() if name and value]
        if self.cause:
            odd = any(_ODD_BLANKS.search(str(turn[text])) for turn in self.turns)  # type: ignore[literal-required]
            pattern = pattern_of(self.cause) if odd else pattern_of(self.cause, blanks=" ")
            terms.append(f"{text} =~ {_quoted(pattern)}")
        return " and ".join(terms)

    def to_json(self) -> BundleJson:
        """Return it without its people."""
        sample = self.turns[0]
        return {
            "id": self.id,
            "kind": self.kind,
            "component": self.component.partition(" ")[2] or self.component,
            "error": self.error,
            "cause": self.cause,
            "sample": sample["delivery_error"] if self.kind == "undelivered" else sample["reason"],
            "turns": len(self.turns),
            "people": len(self.waiting.keys() | self.answered.keys()),
            "waiting": len(self.waiting),
            "since": self.turns[-1]["received"],
            "last": max(_ended(turn) for turn in self.turns),
            "filter": self.filter,
        }

    def opened(self) -> OpenBundleJson:
        """Return it with its people, those who wait longest first."""
        who = [*_people(self.waiting, True), *_people(self.answered, False)]
        return {**self.to_json(), "who": who[:_MOST_PEOPLE]}


def bundles_of(lines: Iterable[TurnLineJson], reached: Mapping[tuple[str, str], str]) -> list[Bundle]:
    """Group turns, the newest first, by what went wrong; those in which most people wait come first.

    Somebody waits until a later answer reached them: ``reached`` is the last turn whose answer did, by
    session and user.
    """
    found: dict[tuple[Kind, str, str, str], Bundle] = {}
    for line in lines:
        for key in _keys(line):
            bundle = found.get(key)
            if bundle is None:
                bundle = found[key] = Bundle(*key)
            bundle.turns.append(line)
            if line["origin"] not in ("test", "replay", "push") and line["user"]:
                person = (line["platform"], line["bot"], line["session"], line["user"])
                waits = line["id"] > reached.get((line["session"], line["user"]), "")
                (bundle.waiting if waits else bundle.answered).setdefault(person, []).append(line)
    return sorted(found.values(), key=lambda b: (-len(b.waiting), -len(b.turns), b.component, b.cause))


def _ended(line: TurnLineJson) -> float:
    """Return when a turn failed: one that was tried again did so long after it was received."""
    return line["received"] + line.get("took_ms", 0.0) / 1000


def _keys(line: TurnLineJson) -> Iterator[tuple[Kind, str, str, str]]:
    """Yield the bundles that a turn belongs to: it may have failed, and its notice not have arrived."""
    if line["state"] in ("failed", "dead"):
        error, reason = line.get("error", ""), line["reason"]
        component = _component(line)
        words = reason.removeprefix(f"{error}: ").removeprefix(f"{component.partition(' ')[2]}: ")
        yield "failed", component, error, cause_of(words)
    if line["undelivered"]:
        where = f"{line['platform']}/{line['bot']}"
        yield "undelivered", where, "", cause_of(line["delivery_error"])


def _component(line: TurnLineJson) -> str:
    """Return what failed with its kind before it, as filters name that: a workflow, a provider, a runner."""
    for kind, name in (("workflow", line.get("workflow")), ("provider", line.get("provider"))):
        if name:
            return f"{kind} {name}"
    return f"runner {line.get('runner')}" if line.get("runner") else f"platform {line['platform']}"


def _people(people: Mapping[Person, list[TurnLineJson]], waiting: bool) -> Iterator[SufferingJson]:
    longest_first = sorted(people.items(), key=lambda item: item[1][-1]["received"])
    for (platform, bot, session, user), turns in longest_first:
        yield {
            "platform": platform,
            "bot": bot,
            "session": session,
            "user": user,
            "user_name": turns[0].get("user_name", ""),
            "text": turns[0]["text"][:1000],
            "since": turns[-1]["received"],
            "turns": [turn["id"] for turn in turns[:_MOST_TURNS]],
            "waiting": waiting,
        }


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
