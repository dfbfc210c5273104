"""The people whose turns failed for one cause; those who wait for an answer stand first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from mindbot.api import calls, shown_failures
from mindbot.api.failure_models import BundleView, OpenBundleView, RerunView, SufferingView
from mindbot.api.shown import ago
from mindbot.domain.errors import NotFound
from mindbot_tui.cells import age, brief
from mindbot_tui.commands.on_bundle import WINDOW
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.facts_table import FactsTable
from mindbot_tui.widgets.columns import Cell, Column


class BundleScreen(FactsTable[SufferingView]):
    view: ClassVar[str] = "bundle"
    contexts: ClassVar[tuple[str, ...]] = ("bundles", "list", "filtered")
    BINDINGS = bindings("bundles", "list", "filtered")  # type: ignore[assignment]
    empty: ClassVar[str] = "this is over: none of its turns has failed any more"

    def __init__(self, id: str) -> None:
        super().__init__()
        self._called = id
        self.cli = f"mindbot failures {id}"  # type: ignore[misc]  # of this one
        self._found: OpenBundleView | None = None
        self._reruns: dict[tuple[str, str], list[RerunView]] = {}  # by session and user

    @property
    def title_text(self) -> str:
        return brief(shown_failures.what(self._found)) if self._found else self._called

    @property
    def subject(self) -> str:
        return self._called

    def columns(self) -> Sequence[Column[SufferingView]]:
        now = self.console.state.clock
        return [
            Column("AGE", lambda p: (age(now() - p.since), "dim"), 5, right=True),
            Column("", lambda p: ("◦", "wait") if p.waiting else ("✓", "ok"), 1),
            Column("BOT", lambda p: (f"{p.platform}/{p.bot}", "name"), 16, wide=22, least=60),
            Column("USER", lambda p: (p.user_name or p.user, "accent"), 12, wide=18),
            Column("TURNS", lambda p: (str(len(p.turns)), "text"), 5, right=True),
            Column("STATE", self._now, 14, least=60),
            Column("TEXT", lambda p: (p.text, "text"), weight=3),
        ]

    def _now(self, row: SufferingView) -> Cell:
        words, reruns = self.console.words, self._reruns.get((row.session, row.user), [])
        for outcome, kind in (("running", "wait"), ("failed", "bad"), ("answered", "ok")):
            for each in reruns:
                if each.outcome == outcome:
                    return shown_failures.came(each, words), kind
        return (words("waits"), "wait") if row.waiting else (words("answered since"), "dim")

    async def fetch(self) -> list[SufferingView]:
        try:
            self._found = await self.console.api.ask(calls.failure_bundle(self._called, WINDOW))
        except NotFound:  # what failed has been tried again, or is long ago
            who = []
        else:
            who = self._found.who
        reruns: dict[tuple[str, str], list[RerunView]] = {}
        for each in await self._tried_again():
            reruns.setdefault((each.session, each.user), []).append(each)
        self._reruns = reruns
        there = {(person.session, person.user) for person in who}
        return [*who, *(_person(of) for person, of in reruns.items() if person not in there)]

    async def _tried_again(self) -> list[RerunView]:
        try:
            return (await self.console.api.ask(calls.reruns(self._called))).reruns
        except NotFound:  # an older daemon
            return []

    def key(self, row: SufferingView) -> str:
        return f"{row.platform}/{row.bot} {row.user}"

    def facts(self, row: SufferingView) -> Iterable[tuple[str, str]]:
        words = self.console.words
        yield words("state"), self._now(row)[0]
        yield words("since"), words("{age} ago", age=ago(self.console.state.clock() - row.since, words))
        yield words("message"), row.text
        yield words("turns"), " ".join(row.turns)
        for each in self._reruns.get((row.session, row.user), []):
            yield words("tried again"), f"{each.id}: {shown_failures.came(each, words)}"
        if self._found is not None:
            yield words("cause"), self._found.sample

    @property
    def bundle(self) -> BundleView | None:
        return self._found

    @property
    def turn(self) -> str:
        found = self._rows.selected
        return found.turns[0] if found and found.turns else ""

    @property
    def session(self) -> str:
        return self._rows.selected.session if self._rows.selected else ""


def _person(reruns: Sequence[RerunView]) -> SufferingView:
    """Return who is in the bundle no more, since what they wait for was tried again."""
    first, last = reruns[0], reruns[-1]
    return SufferingView(
        platform=last.platform,
        bot=last.bot,
        session=last.session,
        user=last.user,
        user_name=last.user_name,
        text=last.text,
        since=first.received,
        turns=list(dict.fromkeys(each.turn for each in reversed(reruns))),
        waiting=any(each.outcome != "answered" for each in reruns),
    )
