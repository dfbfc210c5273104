"""Where one is in the console: the views that lie one over the other, and the history of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mindbot_tui.screens.view import View
from mindbot_tui.state.history import History, Layer, Place, Way

if TYPE_CHECKING:
    from textual.app import App

    from mindbot_tui.screens.turn import TurnScreen


class Places:
    """Opens and closes an app's views; the live list stays at the bottom."""

    def __init__(self, app: App[None], first: View) -> None:
        self._app = app
        self._first = first
        self._history = History()

    @property
    def views(self) -> list[View]:
        """The views, the one in front last; questions and pages over them are none."""
        return [screen for screen in self._app.screen_stack if isinstance(screen, View)]

    @property
    def view(self) -> View:
        """The view in front, under any question or prompt."""
        return next(reversed(self.views), self._first)

    @property
    def here(self) -> Place:
        return tuple(Layer(view.view, view.subject) for view in self.views[1:])

    async def show(self, place: Place, *, instead: bool = False) -> None:
        """Go to a place, and keep it."""
        self._leave()
        await self._put(place)
        self._history.visit(_without_help(self.here), instead=instead)

    async def open(self, step: Layer, *, instead: bool = False) -> None:
        """Open a view over this one, or in place of another of its kind."""
        here = self.here
        below = here[:-1] if here and here[-1].view == step.view else here
        await self.show((*below, step), instead=instead)

    async def back(self) -> None:
        """Close the view in front."""
        if here := self.here:
            await self.show(here[:-1])

    def ahead(self, way: Way) -> Place | None:
        """Return the place of the history that lies there."""
        if way == "last":
            return self._history.before
        return self._history.ahead(-1 if way == "back" else 1)

    async def travel(self, way: Way) -> None:
        """Go through the history, to what was selected then."""
        place = self.ahead(way)
        if place is None:
            return
        self._leave()
        await self._put(place)
        if way == "last":
            self._history.visit(place)
        else:
            self._history.travel(-1 if way == "back" else 1)
        if spot := self._history.spot(place):
            self.view.seek(spot)

    def _leave(self) -> None:
        if _without_help(self.here) == self.here:
            self._history.leave(self.view.spot)

    async def _put(self, place: Place) -> None:
        """Close what is not on the way there, and open the rest."""
        here, app = self.here, self._app
        same = next((n for n, (a, b) in enumerate(zip(here, place, strict=False)) if a != b), None)
        same = min(len(here), len(place)) if same is None else same
        front = self.view
        if front.view == "turn" and app.screen is front and len(place) == len(here) == same + 1:
            step = place[same]
            if step.view == "turn":  # the same view goes on: the part that is shown stays
                cast("TurnScreen", front).show(step.subject)
                return
        while len(app.screen_stack) > 1 and (len(self.views) - 1 > same or app.screen is not self.view):
            await app.pop_screen()
        from mindbot_tui.screens.catalog import view_of

        for step in place[same:]:
            await app.push_screen(view_of(step.view, step.subject))


def _without_help(place: Place) -> Place:
    """Return the place that the help is about: it is no place of its own."""
    return place[:-1] if place and place[-1].view == "help" else place
