"""The configuration in use: every value and where it was written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

from mindbot.api import calls, models
from mindbot.api.calls import ApiCall
from mindbot.filters.fields import FieldSet
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.table import Table
from mindbot_tui.state.list_fields import CONFIG_FIELDS
from mindbot_tui.widgets.columns import Cell, Column


@dataclass(frozen=True, slots=True)
class Value:
    key: str
    value: str
    origin: str


class Configuration(Table[Value]):
    view: ClassVar[str] = "config"
    heading: ClassVar[str] = "Configuration"
    contexts: ClassVar[tuple[str, ...]] = ("config", "list", "filtered")
    BINDINGS = bindings("config", "list", "filtered")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot config show"
    empty: ClassVar[str] = "nothing is configured"
    fields: ClassVar[FieldSet] = CONFIG_FIELDS

    def columns(self) -> Sequence[Column[Value]]:
        return [
            Column("KEY", lambda v: (v.key, "dim" if v.origin == "default" else "accent"), weight=4),
            Column("VALUE", _value, weight=4),
            Column("FROM", _origin, weight=3),
        ]

    def call(self) -> ApiCall[list[Value]]:
        found = calls.config()
        return ApiCall(found.method, found.path, lambda answer: _values(found.read(answer)))

    def key(self, row: Value) -> str:
        return row.key

    @property
    def opens(self) -> bool:
        return self._rows.selected is not None

    async def open(self) -> None:
        if found := self._rows.selected:
            self.console.show_page(found.key, f"{found.value}\n\n{found.origin}")

    def on_rows_opened(self) -> None:
        self.console.run_command("open")

    @property
    def copies(self) -> str:
        found = self._rows.selected
        return f"{found.key}: {found.value}" if found else ""


def _values(found: models.ConfigValues) -> list[Value]:
    """What was written comes first: defaults are looked up less."""
    values = [
        Value(key, _shown(value), found.origins.get(key, "default")) for key, value in found.values.items()
    ]
    return sorted(values, key=lambda v: v.origin == "default")


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _value(row: Value) -> Cell:
    return row.value, "dim" if row.origin == "default" else "text"


def _origin(row: Value) -> Cell:
    path, colon, line = row.origin.rpartition(":")
    if colon and line.isdecimal() and "/" in path:
        return f"{PurePath(path).name}:{line}", "name"
    return row.origin, "dim" if row.origin == "default" else "name"
