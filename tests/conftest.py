"""Shared by all tests."""

from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's business, and tests run beside other work.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


def pytest_configure(config: pytest.Config) -> None:
    if not _without_full(config):
        config.pluginmanager.import_plugin("schemathesis", consider_entry_points=True)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Every worker makes the cases of this file while it collects, which takes seconds; all are `full`."""
    return True if collection_path.name == "test_api_schema.py" and _without_full(config) else None


def _without_full(config: pytest.Config) -> bool:
    return "not full" in (config.option.markexpr or "")


@pytest.fixture(autouse=True, scope="session")
def plain_tracebacks() -> None:
    """As the daemon writes them: structlog's own, with every local variable, take seconds of CPU."""
    if not structlog.is_configured():
        renderer = structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
        structlog.configure(processors=[structlog.stdlib.add_log_level, renderer])


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
