"""Change what a parked turn consists of."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import Any

from mindbot.api import debug_calls as calls
from mindbot.api.debug_models import ScopesView
from mindbot.api.shown_debugger import value_at
from mindbot.domain.errors import Invalid, NotFound
from mindbot_tui.commands.on_parked import OnParked
from mindbot_tui.fronts import ShowsScopes
from mindbot_tui.state.forms import Edit, Editable
from mindbot_tui.surface import Surface

PATHS = ("message.text", "variables", "route.workflow", "prompt", "answer.text")


class EditParked(OnParked):
    name = "edit"
    help = "change a part of the selected parked turn: its message, route, prompt, answer, a variable"
    argument = "[PATH]"

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(path, "") for path in PATHS]

    async def run(self, console: Surface, argument: str) -> None:
        turn, words, path = console.view.turn, console.words, argument.strip()
        found = await console.api.ask(calls.scopes(turn))
        scope = console.view.scope if isinstance(console.view, ShowsScopes) else ""
        parts = [path] if path else _parts(found, scope)
        if not parts:
            raise NotFound(words("nothing of it can be changed here"), hint=", ".join(found.writable))
        title = words("Edit {turn}", turn=turn)
        done = console.view.reload
        console.edit(Edit(title, parts, _Reading(console, turn), _Writing(console, turn), parts[0], done))


def _parts(found: ScopesView, scope: str) -> list[str]:
    """Return the paths that may be set, those of the scope that is shown first."""
    return sorted(found.writable, key=lambda path: path.partition(".")[0] != scope)


class _Reading:
    """Reads a part of a turn."""

    def __init__(self, console: Surface, turn: str) -> None:
        self._console, self._turn = console, turn

    async def __call__(self, path: str) -> Editable:
        found = await self._console.api.ask(calls.scopes(self._turn))
        try:
            value = value_at(found, path)
        except KeyError:
            value = None
        text = value if isinstance(value, str) else "" if value is None else _json(value)
        return Editable(text, found.revision, json=not isinstance(value, str | None))


class _Writing:
    """Puts a part of a turn; what is a value written down is read first."""

    def __init__(self, console: Surface, turn: str) -> None:
        self._console, self._turn = console, turn

    async def __call__(self, path: str, put: Editable) -> None:
        value: Any = put.text
        if put.json:
            try:
                value = json.loads(put.text)
            except ValueError as error:
                raise Invalid(f"this is no JSON: {error}") from error
        words = ["mindbot", "debug", "set", self._turn, path, put.text]
        self._console.state.called(shlex.join(words))
        await self._console.api.ask(calls.edit_scope(self._turn, path, value, put.revision))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
