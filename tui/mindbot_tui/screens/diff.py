"""Two turns side by side: what was answered, asked, decided and spent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Vertical

from mindbot.api import calls, trace_calls
from mindbot.api.models import TurnView
from mindbot.api.trace_models import FactDiff, PartDiff, PromptPart, TurnDiff
from mindbot.domain.turn import DONE_STATES
from mindbot_tui.cells import clean, took
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.view import View
from mindbot_tui.state.steps import asked
from mindbot_tui.widgets.line import Line, fitting
from mindbot_tui.widgets.paint import Piece
from mindbot_tui.widgets.tabs import Tabs
from mindbot_tui.widgets.text import Text
from mindbot_tui.widgets.turn_list import sign

PARTS = ("answer", "prompt", "route", "steps", "cost")
_STYLES = {"- ": "bad", "+ ": "ok", "~ ": "wait"}


class SideHead(Line):
    """A turn in one line: its id, how it ended, who answered and how long that took."""

    def __init__(self) -> None:
        super().__init__()
        self._turn: TurnView | None = None

    def put(self, turn: TurnView) -> None:
        """Show that turn."""
        self._turn = turn
        self.sync()

    def pieces(self, width: int) -> list[Piece]:
        turn = self._turn
        if turn is None:
            return []
        who = asked(turn.spans) or str(turn.route.get("runner", ""))
        groups: list[list[Piece]] = [
            [(f" {clean(turn.id)} ", "strong"), sign(turn)],
            [(took(turn.took_ms / 1000), "text")],
            [(clean(who), "name")],
        ]
        return fitting(groups, width)


class DiffScreen(View):
    view: ClassVar[str] = "diff"
    contexts: ClassVar[tuple[str, ...]] = ("diff",)
    BINDINGS = bindings("diff")  # type: ignore[assignment]
    AUTO_FOCUS = "#side-a"
    every: ClassVar[float] = 2.0

    tabs = PARTS

    def __init__(self, subject: str) -> None:
        super().__init__()
        self._both = subject
        self._a, _, self._b = subject.partition(" ")
        self._diff: TurnDiff | None = None
        self._over = False

    @property
    def title_text(self) -> str:
        return self.console.words("Diff {a} → {b}", a=self._a, b=self._b)

    @property
    def subject(self) -> str:
        return self._both

    @property
    def turn(self) -> str:
        """The one whose side the reader is in."""
        return self._b if self._right.has_focus else self._a

    @property
    def text(self) -> Text:
        return self._right if self._right.has_focus else self._left

    @property
    def text_name(self) -> str:
        return f"turn-{self.turn}-{self._tabs.chosen}"

    def body(self) -> ComposeResult:
        self._tabs = Tabs(PARTS)
        self._heads = SideHead(), SideHead()
        self._left, self._right = Text(id="side-a"), Text(id="side-b")
        yield self._tabs
        with Container(id="diff-panes"):
            for head, text in zip(self._heads, (self._left, self._right), strict=True):
                with Vertical(classes="diff-side"):
                    yield head
                    yield text

    def show_tab(self, name: str) -> None:
        self._tabs.put(name)
        self._put()

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self.show_tab(event.name)

    async def load(self) -> None:
        api = self.console.api
        turns = [await api.ask(calls.turn(id)) for id in (self._a, self._b)]
        self._diff = await api.ask(trace_calls.diff(self._a, self._b))
        for head, turn in zip(self._heads, turns, strict=True):
            head.put(turn)
        self._over = all(turn.state in DONE_STATES for turn in turns)
        self._put()

    def _ask_again(self) -> None:
        if not self._over:  # what is over stays as it is
            super()._ask_again()

    def speak(self) -> None:
        super().speak()
        self._put()

    def _put(self) -> None:
        if self._diff is None:
            return
        for text, lines in zip((self._left, self._right), self._sides(self._diff), strict=True):
            text.put("\n".join(lines) or self.console.words("nothing"), colour=_marked, stays=True)

    def _sides(self, diff: TurnDiff) -> tuple[Iterable[str], Iterable[str]]:
        """Return the lines of both sides."""
        match self._tabs.chosen:
            case "answer":
                return _lines(diff, "-"), _lines(diff, "+")
            case "prompt":
                return _prompt(diff.prompt.parts, "a"), _prompt(diff.prompt.parts, "b")
            case "route":
                facts = [*diff.route, *diff.vars]
            case "steps":
                a = (f"{each.mark} {each.path}  {_ms(each.a_ms)}" for each in diff.steps if each.mark != "+")
                b = (f"{each.mark} {each.path}  {_ms(each.b_ms)}" for each in diff.steps if each.mark != "-")
                return a, b
            case _:
                facts = [*diff.cost, *diff.times]
        return _facts(facts, "a"), _facts(facts, "b")


def _lines(diff: TurnDiff, mark: str) -> Iterator[str]:
    """Yield the answer of one side; its lines that the other has not are marked."""
    if not diff.answer.lines:
        yield from (diff.answer.a if mark == "-" else diff.answer.b).split("\n")
    for line in diff.answer.lines:
        if line.mark in ("=", mark):
            yield f"{line.mark} {line.text}" if line.mark != "=" else f"  {line.text}"


def _prompt(parts: Iterable[PartDiff], side: str) -> Iterator[str]:
    for each in parts:
        part: PromptPart | None = each.a if side == "a" else each.b
        if part is None:
            continue
        yield f"── {part.role} · {part.origin} · {part.tokens} ──"
        mark = "  " if each.mark == "=" else f"{each.mark} "
        yield from (f"{mark}{line}" for line in part.text.split("\n"))


def _facts(facts: Iterable[FactDiff], side: str) -> Iterator[str]:
    for each in facts:
        value = each.a if side == "a" else each.b
        if value is not None or not each.same:
            yield f"{'  ' if each.same else '~ '}{each.name}: {'-' if value is None else value}"


def _ms(value: float | None) -> str:
    return "" if value is None else took(value / 1000)


def _marked(line: str) -> list[Piece]:
    """Lines that one side alone has stand out."""
    if line.startswith("── "):
        return [(line, "head")]
    return [(line, _STYLES.get(line[:2], "text"))]
