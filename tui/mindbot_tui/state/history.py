"""Where one was in the console, as in a browser: back, forth, and the place before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST = 50  # places kept


@dataclass(frozen=True, slots=True)
class Layer:
    """A view, and the one thing it is about: a turn's id, a name; empty for lists."""

    view: str
    subject: str = ""


Way = Literal["back", "forth", "last"]

#: The views that lie over the live list, the one in front last; none of them: the live list itself.
Place = tuple[Layer, ...]


class History:
    """Places in the order in which they were visited; each remembers what was selected there."""

    def __init__(self) -> None:
        self._places: list[Place] = [()]
        self._at = 0
        self._before: Place | None = None
        self._spots: dict[Place, str] = {}

    @property
    def here(self) -> Place:
        return self._places[self._at]

    def visit(self, place: Place, *, instead: bool = False) -> None:
        """A place has been opened: what was in front of it when one had gone back is forgotten.

        ``instead`` of the one before: it takes its room, as when one goes from line to line.
        """
        if place == self.here:
            return
        if not instead:
            self._before = self.here
        del self._places[self._at + (0 if instead else 1) :]
        self._places.append(place)
        if len(self._places) > MOST:
            del self._places[0]
            self._spots = {each: self._spots[each] for each in self._places if each in self._spots}
        self._at = len(self._places) - 1

    def leave(self, spot: str) -> None:
        """Keep what is selected here, in the words of the view."""
        self._spots[self.here] = spot

    def spot(self, place: Place) -> str:
        """Return what was selected at a place; empty when nothing is known."""
        return self._spots.get(place, "")

    def ahead(self, by: int) -> Place | None:
        """Return the place so many steps on, or back; None where there is none."""
        at = self._at + by
        return self._places[at] if 0 <= at < len(self._places) else None

    def travel(self, by: int) -> Place:
        """Go so many steps on, or back."""
        self._before = self.here
        self._at += by
        return self.here

    @property
    def before(self) -> Place | None:
        """The place that was in front before this one, whichever way one came here."""
        return self._before
