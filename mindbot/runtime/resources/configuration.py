"""The configuration in force, and what another one would change."""

from __future__ import annotations

from collections.abc import Callable

import anyio.to_thread

from mindbot.config import restart
from mindbot.config.load import Loaded
from mindbot.config.model import Config
from mindbot.config.secrets import SecretLookup
from mindbot.domain.shapes.daemon import ChangeJson, ConfigValuesJson
from mindbot.runtime.generation import Generation


class ConfigResource:
    """Answers ``/v1/config``. What only a restart applies is in force as the daemon ``started_with`` it."""

    def __init__(
        self, current: Callable[[], Generation], started_with: Config, secrets: SecretLookup
    ) -> None:
        self._current = current
        self._started_with = started_with
        self._secrets = secrets

    def config(self) -> ConfigValuesJson:
        """Return every effective value with its origin; secrets are masked."""
        from mindbot.config import view

        loaded = self._current().loaded
        rows = view.rows(loaded)
        return {
            "files": [str(file) for file in loaded.files],
            "values": {row.key: row.value for row in rows},
            "origins": {row.key: row.origin for row in rows},
            "warnings": [str(warning) for warning in loaded.warnings],
        }

    async def unreadable_secrets(self, loaded: Loaded) -> list[str]:
        """Return a line for each secret of a configuration that cannot be read."""
        from mindbot.config.secret_check import unreadable

        return await anyio.to_thread.run_sync(unreadable, loaded, self._secrets)

    async def missing_secrets(self) -> list[str]:
        """Return a line for each secret of the configuration in force that cannot be read."""
        return await self.unreadable_secrets(self._current().loaded)

    def changes(self, loaded: Loaded) -> list[ChangeJson]:
        """Return what another configuration would change; secrets are masked."""
        from mindbot.config import view

        found = view.differences(self._current().loaded.config, loaded.config)
        return [{"key": key, "old": old, "new": new} for key, old, new in found]

    def waiting(self, loaded: Loaded) -> list[str]:
        """Return the settings that only a restart applies and that another configuration has otherwise."""
        return restart.waiting(self._started_with, loaded.config)
