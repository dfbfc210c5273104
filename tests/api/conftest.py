"""Fixtures of the local API's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cli_here import run
from daemon_here import Running, running

__all__ = ["run"]


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as found:
        yield found


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are as wide as these tests expect, whatever runs them."""
    monkeypatch.setenv("COLUMNS", "120")
