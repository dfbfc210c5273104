"""Every call of the local API: what it takes, and a way to try it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import ClassVar

from mindbot.api.calls import ApiCall
from mindbot.filters.fields import FieldSet
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.facts_table import FactsTable
from mindbot_tui.state.list_fields import API_FIELDS
from mindbot_tui.state.operations import Operation, operations
from mindbot_tui.widgets.columns import Cell, Column


class ApiScreen(FactsTable[Operation]):
    view: ClassVar[str] = "api"
    heading: ClassVar[str] = "API"
    contexts: ClassVar[tuple[str, ...]] = ("api", "list", "filtered")
    BINDINGS = bindings("api", "list", "filtered")  # type: ignore[assignment]
    cli: ClassVar[str] = 'curl --unix-socket "$MINDBOT_SOCKET" http://mindbot/v1/openapi.json'
    empty: ClassVar[str] = "the daemon tells of no calls"
    fields: ClassVar[FieldSet] = API_FIELDS
    every: ClassVar[float] = 300.0

    def columns(self) -> Sequence[Column[Operation]]:
        return [
            Column("METHOD", _method, 6),
            Column("PATH", lambda o: (o.path, "name"), weight=3),
            Column("TAKES", lambda o: (o.takes, "dim"), weight=2, least=70),
            Column("WHAT IT DOES", lambda o: (o.does, "text"), weight=4, least=60),
        ]

    def call(self) -> ApiCall[list[Operation]]:
        return ApiCall("GET", "/v1/openapi.json", operations, timeout=60.0)

    def key(self, row: Operation) -> str:
        return f"{row.method} {row.path}"

    def facts(self, row: Operation) -> Iterable[tuple[str, str]]:
        words = self.console.words
        yield words("does"), row.does
        yield from row.parameters
        if row.body is not None:
            yield words("body"), json.dumps(row.body, ensure_ascii=False)
        if row.file:
            yield words("answer"), words("a file or a text: curl takes it")
        yield "curl", row.curl

    @property
    def opens(self) -> bool:
        return self._rows.selected is not None

    async def open(self) -> None:
        """Let the reader fill the call in, and send it."""
        if found := self._rows.selected:
            self.console.open_prompt(f"call {found.line}")

    def on_rows_opened(self) -> None:
        self.console.run_command("open")

    @property
    def copies(self) -> str:
        return self._rows.selected.curl if self._rows.selected else ""


def _method(row: Operation) -> Cell:
    return row.method, {"GET": "ok", "DELETE": "bad"}.get(row.method, "wait")
