"""The contract every store keeps.

A new store is tested by one class and one fixture:

    class TestSqlite(StoreContract):
        @pytest.fixture
        def rig(self, tmp_path: Path) -> StoreRig:
            return StoreRig(lambda **settings: SqliteStore.open(tmp_path / "mindbot.db", **settings))
"""

from __future__ import annotations

import pytest

from mindbot.testing.stores.reads import ReadsContract
from mindbot.testing.stores.sums import SumsContract
from mindbot.testing.stores.writes import WritesContract


class StoreContract(WritesContract, ReadsContract, SumsContract):
    """What every store promises. Subclass it, and provide a ``rig`` fixture."""

    pytestmark = pytest.mark.anyio
