"""Deliveries and turns that were given up on, until somebody decides; and what came of what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from mindbot.api import calls
from mindbot.api.calls import ApiCall
from mindbot.api.models import DeadLetter
from mindbot.filters.fields import FieldSet
from mindbot.filters.letter_fields import LETTER_FIELDS, letter_record
from mindbot_tui.cells import age, clock
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.facts_table import FactsTable
from mindbot_tui.state.letters import ACTS, KINDS, fate, given_up
from mindbot_tui.widgets.columns import Cell, Column

_MOST = 1000  # that are listed
_LATELY = 1.0  # seconds between questions while something is on its way again
_LESS = 0.1  # of the time that it has been: what waits for long is asked for less and less often


class DeadLetters(FactsTable[DeadLetter]):
    view: ClassVar[str] = "dead"
    heading: ClassVar[str] = "Dead letters"
    contexts: ClassVar[tuple[str, ...]] = ("dead", "list", "filtered")
    BINDINGS = bindings("dead", "list", "filtered")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot dlq list --settled"
    empty: ClassVar[str] = "no dead letters: nothing is given up on"
    fields: ClassVar[FieldSet] = LETTER_FIELDS
    markable: ClassVar[bool] = True

    @property
    def title_text(self) -> str:
        """Says where there may be more than are listed."""
        words = self.console.words
        if len(self._source.given) < _MOST:
            return super().title_text
        return words("Dead letters: the newest {n}, there may be more", n=f"{_MOST:,}")

    def columns(self) -> Sequence[Column[DeadLetter]]:
        return [
            Column("AGE", self._age, 4, right=True, by=lambda d: -(d.created or d.received)),
            Column("", lambda d: fate(d)[:2], 1),
            Column("NOW", self._now, 10, wide=14, least=70),
            Column("USER", lambda d: (d.user, "accent"), 9, wide=14),
            Column("BOT", lambda d: (f"{d.platform}/{d.bot}", "name"), 16, wide=22, least=60),
            Column("TRIES", lambda d: (str(d.attempts or ""), "text"), 5, right=True, least=90),
            Column("WHY", lambda d: (d.error or d.reason, "bad" if given_up(d) else "dim"), weight=3),
            Column("TEXT", lambda d: (d.text, "text"), weight=3, least=60),
            Column("ID", lambda d: (d.id, "dim"), 16, least=140),
        ]

    def _age(self, row: DeadLetter) -> Cell:
        return age(self.console.state.clock() - (row.created or row.received)), "dim"

    def _now(self, row: DeadLetter) -> Cell:
        _, colour, said = fate(row)
        return self.console.words(said), colour

    def call(self) -> ApiCall[list[DeadLetter]]:
        return calls.dead_letters(limit=_MOST, settled=True)

    def key(self, row: DeadLetter) -> str:
        return row.id

    def record(self, row: DeadLetter) -> Mapping[str, Any]:
        return letter_record(row.to_json(), self.console.state.clock())

    def tick(self) -> None:
        super().tick()
        under_way = [row.acted_at for row in self._source.given if fate(row)[1] == "busy"]
        now = self.console.state.clock()
        if under_way and now - self._asked >= max(_LATELY, (now - max(under_way)) * _LESS):
            self.reload()

    def facts(self, row: DeadLetter) -> Iterable[tuple[str, str]]:
        words, now = self.console.words, self.console.state.clock()
        since = row.created or row.received
        yield words("why"), row.error or row.reason
        yield words("state"), words(fate(row)[2])
        if row.acted:
            act, then = words(ACTS.get(row.acted, row.acted)), row.acted_at
            told = words("{word} at {time}, {ago} ago", word=act, time=clock(then), ago=age(now - then))
            yield words("last done"), told
        yield words("user"), row.user or words("nobody wrote: the bot spoke by itself")
        yield words("bot"), f"{row.platform}/{row.bot}"
        yield words("text"), row.text
        yield words("kind"), words(KINDS.get(row.kind, row.kind))
        yield words("given up"), words("{time}, {ago} ago", time=clock(since), ago=age(now - since))
        yield words("attempts"), str(row.attempts or "-")
        yield words("session"), row.session

    @property
    def dead_letter(self) -> str:
        return self._rows.selected.id if self._rows.selected else ""

    @property
    def dead_letters(self) -> Sequence[str]:
        """The marked ones that are given up on still; with no mark the selected one, whatever it is."""
        if not len(self._rows.marks):
            return [self.dead_letter] if self.dead_letter else []
        return [row.id for row in self._rows.marked if given_up(row)]

    @property
    def turn(self) -> str:
        return self.dead_letter.partition("-")[0]

    def on_rows_opened(self) -> None:
        self.console.run_command("open")

    @property
    def copies(self) -> str:
        return "\n".join(row.id for row in self._rows.marked) or self.dead_letter
