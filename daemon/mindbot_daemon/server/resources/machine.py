"""The daemon itself and what is on its machine."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mindbot.domain.shapes.daemon import (
    ChangeJson,
    ComponentJson,
    ConfigValuesJson,
    FileJson,
    LogLineJson,
    StatusJson,
)
from mindbot.domain.shapes.instruments import MetricTimesJson, SqlAnswerJson

if TYPE_CHECKING:
    from mindbot.config.load import Loaded


class About(Protocol):
    """The daemon at a glance."""

    def status(self) -> StatusJson:
        """Everything at a glance."""

    def health(self) -> list[ComponentJson]:
        """One entry a component."""

    def metric_times(self) -> MetricTimesJson:
        """How long things took since the start."""

    def metrics(self) -> bytes:
        """Prometheus text format."""


class Secrets(Protocol):
    """MindBot's keyring."""

    async def set_secret(self, name: str, value: str) -> None:
        """Keep a secret in MindBot's keyring; raises SecretError."""

    async def list_secrets(self) -> list[str]:
        """Names only."""

    async def delete_secret(self, name: str) -> None:
        """Remove a secret; raises NotFound."""


class Configuration(Protocol):
    """The configuration in force."""

    def config(self) -> ConfigValuesJson:
        """Every effective value and its origin, secrets masked."""

    async def unreadable_secrets(self, loaded: Loaded) -> list[str]:
        """A line for each secret of a configuration that cannot be read."""

    def changes(self, loaded: Loaded) -> list[ChangeJson]:
        """What another configuration would change."""

    def waiting(self, loaded: Loaded) -> list[str]:
        """The settings in which it differs from what the daemon started with, and only a restart applies."""


class Database(Protocol):
    """The database as a whole."""

    async def query(self, sql: str, limit: int, timeout: float, who: str) -> SqlAnswerJson:
        """What a question in SQL finds; raises Invalid, TimedOut, StoreError."""

    async def backup(self) -> Path:
        """A copy of the database, proved, in a file that the caller deletes; raises StoreError."""


class Logs(Protocol):
    """The daemon's log."""

    def logs(self, *, limit: int = 200, filter: str = "") -> list[LogLineJson]:
        """The last lines that match, oldest first; raises BadFilter."""

    def log_levels(self) -> dict[str, str]:
        """By logger; the root's name is empty."""

    def set_log_levels(self, levels: Mapping[str, str]) -> None:
        """Change some; raises Invalid."""


class Media(Protocol):
    """Files for messages."""

    async def upload(self, chunks: AsyncIterable[bytes], name: str) -> FileJson:
        """Keep a file; raises Invalid, StoreError."""

    async def facts(self, id: str) -> FileJson:
        """What is known of a file; raises NotFound, Invalid, StoreError."""

    async def content(self, id: str) -> tuple[FileJson, Path]:
        """The same, and a local file to read it from; raises NotFound, Invalid, StoreError."""
