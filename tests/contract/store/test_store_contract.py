"""The stores keep the contract: SQLite on a disk, and the one in memory that fast tests use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mindbot.domain.ports.store import Store
from mindbot.store.sqlite import SqliteStore
from mindbot.testing.stores.contract import StoreContract
from mindbot.testing.stores.memory.store import MemoryStore
from mindbot.testing.stores.memory.tables import Tables
from mindbot.testing.stores.rig import StoreRig


class TestSqlite(StoreContract):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> StoreRig:
        return StoreRig(lambda **settings: SqliteStore.open(tmp_path / "mindbot.db", **settings))


class TestMemory(StoreContract):
    @pytest.fixture
    def rig(self) -> StoreRig:
        tables = Tables()

        @asynccontextmanager
        async def opened(**settings: Any) -> AsyncIterator[Store]:
            store = MemoryStore(tables, **settings)
            async with store.opened():
                yield store

        return StoreRig(opened)
