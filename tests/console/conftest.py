"""A fixed time zone, so that clocks on screens are the same everywhere."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from console_fakes import FakeClock


@pytest.fixture(scope="session", autouse=True)
def utc() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
