"""Asks the finder's file which turns may be wanted. Runs in a thread of the finder's, a short time each.

What is needed becomes a condition on the lines. Where one part of it is met by few of them, by its index,
those are looked at; otherwise the lines are gone through, a window at a time.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any

from mindbot.domain import ids
from mindbot.domain.needs import Between, Every, Is, Need, OneOf, Says
from mindbot.store.finder.schema import HASHED, INDEXED, NUMBERS, get, hashed
from mindbot.store.finder.texts import TooCommon, question

FEW = 50_000  # lines that an index leads to
WINDOW = 100_000  # lines that are gone through at once
_BLOCKS = 400  # of text in one question: SQLite has room for 500
_ANY_WAY = "INDEXED BY seen_open WHERE open > 0"
_UNSAID = "INDEXED BY seen_unsaid WHERE doc IS NULL"
_DEAD = "SELECT turn FROM kept.outbox WHERE state = 'dead' AND state <> 'sent'"
_UNSENT = "SELECT turn FROM kept.outbox WHERE state <> 'sent'"


@dataclass(slots=True)
class May:
    """Turns that may be wanted, newest first; others from ``down_to`` on are not."""

    turns: list[int]
    down_to: int


@dataclass(frozen=True, slots=True)
class SeenWhere:
    """SQL about a line. ``lead`` is a query for the turns that meet it, by an index; ``terms`` are its parts,
    where all have to be met. One on what was ``said`` is met as well by lines that do not know it."""

    sql: str
    args: tuple[Any, ...] = ()
    lead: str = ""
    said: bool = False
    terms: tuple[SeenWhere, ...] = field(default=())

    @classmethod
    def by(cls, index: str, sql: str, args: tuple[Any, ...], *, said: bool = False) -> SeenWhere:
        """Return one that an index leads to."""
        return cls(sql, args, f"SELECT turn FROM seen INDEXED BY {index} WHERE {sql}", said)

    @property
    def loose(self) -> str:
        return f"(doc IS NULL OR {self.sql})" if self.said else f"({self.sql})"


class SeenTurns:
    """``db`` is a connection to the file that has the store's database attached as ``kept``."""

    def __init__(self, db: sqlite3.Connection, *, few: int = FEW, window: int = WINDOW) -> None:
        self._db = db
        self.few = few
        self.window = window

    def between(self, need: Need, below: int, most: int) -> May | None:
        """Return `may` for the turns that are in the file; None above and below them.

        Raises:
            sqlite3.Error: the file cannot be read.
        """
        self._db.execute("BEGIN")  # one state of both files
        try:
            lowest, highest = get(self._db, "lowest", 0), get(self._db, "highest", 0)
            if not lowest < below <= highest + 1:
                return None
            return self.may(need, below, lowest, most)
        finally:
            self._db.execute("COMMIT")

    def may(self, need: Need, below: int, lowest: int, most: int) -> May | None:
        """Return up to ``most`` turns below an id and from ``lowest`` on; None: any turn may be wanted.

        Raises:
            sqlite3.Error: the file cannot be read.
        """
        condition = self._condition(need)
        if condition is None:
            return None
        if leader := self._leader(condition, below):
            found = self._led(leader, condition, below, lowest, most)
            return May(found, found[-1] if len(found) == most else lowest)
        window = "SELECT turn FROM seen WHERE turn < ? AND turn >= ? ORDER BY turn DESC LIMIT 1 OFFSET ?"
        end = self._db.execute(window, (below, lowest, self.window)).fetchone()
        bottom = end[0] if end else lowest
        found = self._turns(
            f"SELECT turn FROM seen NOT INDEXED WHERE turn < ? AND turn >= ? AND (open OR {condition.loose}) "
            "ORDER BY turn DESC LIMIT ?",
            (below, bottom, *condition.args, most),
        )
        return May(found, found[-1] if len(found) == most else bottom)

    def _turns(self, query: str, args: tuple[Any, ...]) -> list[int]:
        return [turn for (turn,) in self._db.execute(query, args)]

    def _leader(self, condition: SeenWhere, below: int) -> SeenWhere | None:
        """Return the part of a condition that leads to the fewest lines; None where none leads to few."""
        best, fewest = None, self.few
        for term in condition.terms or (condition,):
            if term.lead:
                query = f"SELECT count(*) FROM (SELECT turn FROM ({term.lead}) WHERE turn < ? LIMIT ?)"
                (count,) = self._db.execute(query, (*term.args, below, fewest)).fetchone()
                if count < fewest:
                    best, fewest = term, count
        return best

    def _led(self, leader: SeenWhere, condition: SeenWhere, below: int, lowest: int, most: int) -> list[int]:
        """Return the turns that an index leads to, and those that have to be looked at whatever they are."""
        found = self._turns(
            f"SELECT turn FROM seen WHERE turn IN ({leader.lead}) AND turn < ? AND turn >= ? "
            f"AND {condition.loose} ORDER BY turn DESC LIMIT ?",
            (*leader.args, below, lowest, *condition.args, most),
        )
        for way in (_ANY_WAY, _UNSAID)[: 1 + leader.said]:
            any_way = f"SELECT turn FROM seen {way} AND turn < ? AND turn >= ? ORDER BY turn DESC LIMIT ?"
            found += self._turns(any_way, (below, lowest, most))
        return sorted(set(found), reverse=True)[:most]

    # --- what is needed, as SQL

    def _condition(self, need: Need) -> SeenWhere | None:
        """Return what is needed as a condition on lines; None: a line says nothing of it."""
        match need:
            case Every(terms):
                found = [each for term in terms if (each := self._condition(term))]
                return _joined(" AND ", found, tuple(found)) if found else None
            case OneOf(terms):
                either = [self._condition(term) for term in terms]
                return None if None in either else _joined(" OR ", [each for each in either if each])
            case Is(name, values):
                return _is(name, values)
            case Between(name, least, most):
                return _between(name, least, most)
            case Says(words):
                return self._says(words)

    def _says(self, words: str) -> SeenWhere | None:
        asked: list[str] = []
        args: list[str] = []
        blocks = self._db.execute("SELECT block FROM blocks WHERE docs > 0 ORDER BY block DESC").fetchall()
        if len(blocks) > _BLOCKS:
            return None
        try:
            for (block,) in blocks:
                if match := question(self._db, block, words):
                    asked.append(f"SELECT rowid FROM text_{block} WHERE text_{block} MATCH ?")
                    args.append(match)
        except TooCommon:
            return None
        docs = " UNION ALL ".join(asked) or "SELECT 0 WHERE 0"
        return SeenWhere.by("seen_doc", f"doc > 0 AND doc IN ({docs})", tuple(args), said=True)


def _joined(word: str, conditions: list[SeenWhere], terms: tuple[SeenWhere, ...] = ()) -> SeenWhere:
    if len(conditions) == 1:
        return conditions[0]
    sql = word.join(each.loose for each in conditions)
    return SeenWhere(sql, tuple(arg for each in conditions for arg in each.args), terms=terms)


def _is(name: str, values: tuple[Any, ...]) -> SeenWhere | None:
    if name == "undelivered":
        return _answer_in(_DEAD) if values == (True,) else None
    if name == "delivery":
        unsent = {"waiting": _UNSENT, "undelivered": _DEAD, "discarded": _UNSENT}
        wanted = {unsent.get(value) for value in values}
        return None if None in wanted else _answer_in(_DEAD if wanted == {_DEAD} else _UNSENT)
    if name == "delivery_error":
        return _answer_in(_UNSENT) if all(values) else None
    if name == "id":
        return _ids(values)
    if name not in HASHED or not all(isinstance(value, str) for value in values):
        return None
    columns = [hashed(name, value) for value in values]
    known = tuple(column for column in columns if column is not None)
    sql = f"{name} IN ({', '.join('?' * len(known))})"
    if len(known) < len(columns):
        return SeenWhere(f"({sql} OR {name} IS NULL)", known)
    return SeenWhere.by(f"seen_{name}", sql, known) if name in INDEXED and known else SeenWhere(sql, known)


def _answer_in(turns: str) -> SeenWhere:
    """Return the condition that a turn's answer, which may be another turn's, is among those of ``turns``."""
    lead = f"{turns} UNION SELECT turn FROM seen INDEXED BY seen_answered WHERE answered IN ({turns})"
    return SeenWhere(f"turn IN ({turns}) OR answered IN ({turns})", lead=lead)


def _ids(values: tuple[Any, ...]) -> SeenWhere | None:
    numbers: list[int] = []
    for value in values:
        try:
            numbers.append(ids.parse(value))
        except (ValueError, AttributeError):
            continue  # no turn has that id
    return SeenWhere(f"turn IN ({', '.join('?' * len(numbers))})", tuple(numbers))


def _between(name: str, least: Any, most: Any) -> SeenWhere | None:
    if name == "id":
        return _id_between(least, most)
    if name not in NUMBERS:
        return None
    limits = [(op, limit) for op, limit in ((">=", least), ("<=", most)) if limit is not None]
    sql = " AND ".join(f"{name} {op} ?" for op, _ in limits)
    return SeenWhere.by(f"seen_{name}", sql, tuple(limit for _, limit in limits))


def _id_between(least: Any, most: Any) -> SeenWhere | None:
    """Return the condition for a text that an id is compared with: the beginning of one, as a rule."""
    text = least if least is not None else most
    if not isinstance(text, str) or len(text) > 13 or text != text.upper():
        return None
    try:
        number = ids.parse(text.ljust(13, "0"))
    except ValueError:
        return None
    if ids.show(number) != text.ljust(13, "0"):  # o, i and l are read as digits, and do not sort as such
        return None
    return SeenWhere("turn >= ?" if least is not None else "turn <= ?", (number,))
