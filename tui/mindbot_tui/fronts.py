"""What commands may meet in front of the reader: a page, a text, the live list, an open turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from mindbot.api.debug_models import BreakpointView
from mindbot.api.jury_models import JuryVerdict
from mindbot_tui.state.files import TurnFile
from mindbot_tui.state.turn_row import TurnRow


class ShownPage(Protocol):
    """A page of text in front of the view."""

    @property
    def open(self) -> bool:
        """Whether it has not been closed yet."""

    def put(self, text: str) -> None:
        """Show another text on it."""


class ShownText(Protocol):
    """A text in front of the reader."""

    @property
    def whole(self) -> str:
        """All of it, also what is not shown."""

    @property
    def suffix(self) -> str:
        """What the name of a file with it ends in."""

    @property
    def searched(self) -> str:
        """What was searched for; empty when nothing was."""

    @property
    def rendered(self) -> bool: ...

    def find(self, words: str) -> None:
        """Mark all hits and go to the first one from here on; forget them without words. Raises Invalid."""

    def next_hit(self, by: int) -> None:
        """Go so many hits on."""

    def render_as(self, *, rendered: bool) -> None:
        """Show it as it is, or as it is meant to look. Raises Invalid."""


class LiveTurns(Protocol):
    """The live list of turns, its filter and the box under it."""

    @property
    def filter(self) -> str:
        """The filter in force; empty when everything is shown."""

    @property
    def selected_row(self) -> TurnRow | None: ...

    def set_filter(self, text: str) -> None:
        """Show what a filter lets through; a wrong one is shown with its mistake."""

    def edit_filter(self) -> None: ...

    def compose_message(self) -> None: ...

    def seen(self, field: str) -> list[str]:
        """Return the values of a field in the latest turns, the most frequent first."""

    def values(self) -> Mapping[str, Iterable[str]]:
        """Return values seen lately, by field."""

    def neighbour(self, turn: str, step: int) -> str:
        """Return the turn before or after one in the list, and select it; empty at the ends."""


class OpenTurn(Protocol):
    """The view of one turn."""

    @property
    def turn(self) -> str: ...

    @property
    def part_names(self) -> Sequence[str]: ...

    @property
    def files(self) -> Sequence[TurnFile]:
        """What can be saved of it."""

    @property
    def missing_file(self) -> str:
        """Why a file of its message is not there."""

    def show_part(self, name: str) -> None:
        """Show a part by its name, or the ``next`` or ``previous`` one."""

    def show_phone(self) -> None:
        """Show what the user sees beside the trace, and back."""

    def fold(self) -> None:
        """Fold the selected step's inside away, or show it."""

    def focus_next(self) -> object: ...


@runtime_checkable
class WithPhone(Protocol):
    """A view of a turn with a phone and several panes."""

    def show_phone(self) -> None:
        """Show what the user sees, or will see, and back."""

    def focus_next(self) -> object: ...


@runtime_checkable
class HasVerdicts(Protocol):
    """A view of what a jury has said."""

    @property
    def verdict(self) -> JuryVerdict | None:
        """The selected one; None where it has no answer."""


@runtime_checkable
class ShowsScopes(Protocol):
    """A view that shows what a turn consists of, a scope at a time."""

    @property
    def scope(self) -> str: ...


@runtime_checkable
class PicksBreakpoint(Protocol):
    """A view with a list of breakpoints."""

    @property
    def breakpoint(self) -> BreakpointView | None: ...
