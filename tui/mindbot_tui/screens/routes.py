"""Where messages go and why: late decisions, the rules, and corrections that wait for a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.widgets import Input, Static

from mindbot.api import calls, workflow_calls
from mindbot.api.models import TurnView
from mindbot.api.shown_routes import belongs
from mindbot.api.workflow_models import LearnedView, RuleView
from mindbot.domain.errors import MindBotError
from mindbot_tui.cells import age
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.filtered_view import FilteredView
from mindbot_tui.state.decisions import told
from mindbot_tui.state.filtered import FilteredTurns
from mindbot_tui.state.turn_row import TurnRow
from mindbot_tui.widgets.offers import Offer, OfferInput, Offers
from mindbot_tui.widgets.route_list import RouterHead, correction_columns, decision_columns, rule_columns
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.sources import GivenRows
from mindbot_tui.widgets.tabs import Tabs
from mindbot_tui.widgets.text import Text

TABS = ("decisions", "rules", "corrections")


class Routes(FilteredView):
    view: ClassVar[str] = "routes"
    heading: ClassVar[str] = "Routes"
    contexts: ClassVar[tuple[str, ...]] = ("routes", "list", "filtered", "live")
    BINDINGS = bindings("routes", "list", "filtered", "live")  # type: ignore[assignment]

    tabs = TABS

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, ...] = ()  # what the text is about: a turn and its state, say

    def body(self) -> ComposeResult:
        clock = self.console.state.clock
        self._turns = FilteredTurns(self.console.state.turns)
        self._turns.use(_routed)
        self._rules: GivenRows[RuleView] = GivenRows()
        self._learned: GivenRows[LearnedView] = GivenRows()
        self._lists: dict[str, Rows[Any]] = {
            "decisions": Rows(
                self._turns,
                decision_columns(),
                follows=True,
                empty="asking the daemon …",
                id="decisions",
            ),
            "rules": Rows(self._rules, rule_columns(clock), empty="asking the daemon …", id="rules"),
            "corrections": Rows(
                self._learned,
                correction_columns(clock, lambda: self.console.words),
                empty="asking the daemon …",
                id="corrections",
            ),
        }
        self._head, self._tabs = RouterHead(), Tabs(TABS)
        self._text = Text(id="decision")
        self._offers = Offers(id="ask-offers")
        self._box = OfferInput(self._offers, _no_offers, id="ask")
        yield self._head
        yield self._tabs
        yield self.filter_bar()
        with Container(id="route-panes"):
            with Vertical(id="route-lists"):
                yield from self._lists.values()
            yield self._text
        yield self._offers
        with Horizontal(id="ask-line"):
            yield Static(" ? ", id="ask-mark")
            yield self._box

    def on_mount(self) -> None:
        self.console.state.called("mindbot route list")
        self.show_tab(TABS[0])
        self.speak()

    def speak(self) -> None:
        self._box.placeholder = self.console.words(
            "where would this go, and why: [@user] [#platform/bot] text"
        )
        self._head.refresh()
        self._shown = ()
        super().speak()
        self._explain()

    # --- what is selected

    @property
    def rows(self) -> Rows[Any]:
        return self._lists[self._tabs.chosen]

    @property
    def turn(self) -> str:
        """The selected turn, or the one that was corrected."""
        found = self.rows.selected
        return (
            found.id if isinstance(found, TurnRow) else found.turn if isinstance(found, LearnedView) else ""
        )

    @property
    def correction(self) -> LearnedView | None:
        found = self.rows.selected
        return found if isinstance(found, LearnedView) else None

    @property
    def spot(self) -> str:
        return f"{self.rows.cursor} {self._tabs.chosen}"

    def reach(self, spot: str) -> None:
        cursor, _, tab = spot.partition(" ")
        self.show_tab(tab)
        if not self.rows.follows:
            self.rows.select(int(cursor))

    @property
    def copies(self) -> str:
        found = self.rows.selected
        return found.name if isinstance(found, RuleView) else self.turn

    def show_tab(self, name: str) -> None:
        """Show a list by its name, or the ``next`` or ``previous`` one."""
        self._tabs.put(name)
        for each, rows in self._lists.items():
            rows.display = each == self._tabs.chosen
        self.rows.sync(force=True)
        self.set_focus(self.rows)
        self._explain()

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self.show_tab(event.name)

    def on_rows_moved(self) -> None:
        self._explain()

    def on_rows_opened(self) -> None:
        self.console.run_command("open")

    # --- asking the daemon

    async def load(self) -> None:
        api, before = self.console.api, self.correction
        router = await api.ask(workflow_calls.router())
        learned = await api.ask(workflow_calls.learned())
        self._head.put(router)
        self._rules.put(router.rules)
        self._learned.put(learned)
        self.rows.sync(force=True)
        ids = [each.id for each in learned]
        if before is not None and before.id in ids:
            self.rows.select(ids.index(before.id))
        self._explain()

    def sync(self) -> None:
        self._await(self.rows)
        super().sync()

    def nothing(self) -> str:
        words = self.console.words
        if self.filter:
            return words("nothing matches")
        if self._tabs.chosen == "decisions":
            return words("no message was routed yet")
        return words(
            "no rules are configured" if self._tabs.chosen == "rules" else "nothing was corrected yet"
        )

    # --- the filter

    def use(self, keep: Callable[[Any], bool] | None) -> None:
        """Filter all three lists by what their lines say."""
        self._rules.use(keep)
        self._learned.use(keep)
        self._turns.use(_routed if keep is None else lambda row: _routed(row) and keep(row))
        self.rows.sync(force=True)
        self._explain()

    def record(self, row: Any) -> object:
        tab = (
            "decisions"
            if isinstance(row, TurnRow)
            else "rules"
            if isinstance(row, RuleView)
            else "corrections"
        )
        return {"words": "\n".join(column.cell(row)[0] for column in self._lists[tab].columns)}

    def count(self) -> tuple[int, int, bool]:
        shown, source = self.rows.shown, self.rows.source
        known = len(source.given) if isinstance(source, GivenRows) else shown
        return shown, known, False

    def tick(self) -> None:
        self.rows.refresh_changed()
        self._explain()

    # --- what the selected line says

    def _explain(self) -> None:
        """Show all about the selected line; of a turn the daemon is asked, once until its state changes."""
        found = self.rows.selected
        if isinstance(found, TurnRow):
            about = (self._tabs.chosen, found.id, found.state)
            if about != self._shown and self.console.state.link.attached:
                self._shown = about
                self._ask(found.id)
            return
        self._shown = (self._tabs.chosen,)
        if isinstance(found, RuleView):
            self._text.put("\n".join(self._rule(found)), stays=True)
        elif isinstance(found, LearnedView):
            self._text.put("\n".join(self._correction(found)), stays=True)
        else:
            self._text.put("")

    @work(group="decision", exclusive=True)
    async def _ask(self, id: str) -> None:
        try:
            found: TurnView = await self.console.api.ask(calls.turn(id))
        except MindBotError as error:
            self._text.put(str(error))
            return
        self._text.put("\n".join(told(found, self.console.words)))

    def _rule(self, rule: RuleView) -> Iterator[str]:
        words = self.console.words
        yield f"── {rule.name} ──"
        yield rule.conditions
        yield f"→ {rule.does}"
        if not rule.enabled:
            yield words("the configuration disables it")
        ago = age(self.console.state.clock() - rule.last) if rule.last else "-"
        yield words("matched {n} times since the daemon's start, the last {ago} ago", n=rule.matched, ago=ago)

    def _correction(self, found: LearnedView) -> Iterator[str]:
        words = self.console.words
        yield f"── {belongs(found.was, words)} → {belongs(found.workflow, words)}: {words(found.state)} ──"
        yield found.text
        yield words("by {who}, {origin}", who=found.by or "-", origin=words(found.origin))
        if found.note:
            yield found.note

    # --- the box

    def write(self) -> bool:
        self.set_focus(self._box)
        return True

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input is self._box and event.value.strip():
            self._box.remember(event.value)
            self._box.value = ""
            self.console.run_command(f"why {event.value}")

    def on_offer_input_left(self, event: OfferInput.Left) -> None:
        self.set_focus(self.rows)


def _routed(row: object) -> bool:
    """Whether it is known where a turn goes."""
    return isinstance(row, TurnRow) and bool(row.workflow or row.route)


def _no_offers(text: str, cursor: int) -> Sequence[Offer]:
    return ()
