"""Refusals of model vendors: an answer other than 200, and the tables from which it can be asked for by name.

A name of such a table is a fault (`--fault overloaded_error:n=1`) and what a key can be refused with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mindbot.domain.errors import NotFound
from mindbot.domain.message import Json
from mindbot.sim.faults import FaultKind, kind


class ModelApiError(Exception):
    """An answer other than 200, in its vendor's shape."""

    def __init__(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body: Any = body
        self.headers = dict(headers or {})


#: The refusals of a vendor by name, each made of the time it is (epoch seconds): some name a date.
RefusalTable = Mapping[str, Callable[[float], ModelApiError]]


def refusal_kinds(table: RefusalTable) -> Mapping[str, FaultKind]:
    """Return the fault kinds for refusals by name."""
    return {name: kind() for name in table}


def refusal(table: RefusalTable, name: str, now: float) -> ModelApiError:
    """Return a refusal by name; raises NotFound."""
    if name not in table:
        raise NotFound(f"no refusal is called {name!r}", hint=f"one of {', '.join(table)}")
    return table[name](now)


def first_of_next_month(now: float) -> datetime:
    """Return when a monthly limit is renewed: the 1st, 00:00 UTC."""
    day = datetime.fromtimestamp(now, UTC).replace(day=28, hour=0, minute=0, second=0, microsecond=0)
    return (day + timedelta(days=4)).replace(day=1)
