"""What operators look at and turn beside turns: bots, sessions, the configuration, logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import anyio.to_thread
import structlog

from mindbot.domain.abilities import Rationed, Transfers
from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json
from mindbot.telemetry.redaction import redactor

if TYPE_CHECKING:
    from mindbot.config.load import Loaded
    from mindbot.config.secrets import Secrets
    from mindbot.domain.ports import Platform
    from mindbot.runtime.bots import Bots
    from mindbot.runtime.logs import LogTail
    from mindbot.store.queries import Queries

log = structlog.get_logger("mindbot.runtime")


async def _left(bot: Platform | None, address: Json) -> int | None:
    """Return how many messages a bot may still say to somebody; None where it does not count, or know."""
    if not isinstance(bot, Rationed) or not address:
        return None
    try:
        return await bot.left(address)
    except (
        LookupError,
        TypeError,
        ValueError,
    ) as error:  # a damaged address must not hide the other sessions
        log.warning("an address cannot be read", bot=f"{bot.name}/{bot.bot}", error=repr(error))
        return None


class Operations:
    """A part of `Facade`."""

    loaded: Loaded
    bots: Bots
    secrets: Secrets
    log_tail: LogTail

    async def queries(self) -> Queries:
        """Return the operators' reads."""
        raise NotImplementedError

    # --- bots

    def platforms(self) -> list[Json]:
        """Return each bot's state."""
        return self.bots.list()

    def platform(self, platform: str, bot: str) -> Json:
        """Return one bot's state; raises NotFound."""
        for found in self.bots.list():
            if (found["platform"], found["bot"]) == (platform, bot):
                return found
        raise self.bots.unknown(platform, bot)

    async def restart_platform(self, platform: str, bot: str) -> None:
        """Stop a bot's adapter and start it again, with its secrets read anew; raises NotFound."""
        self.platform(platform, bot)
        self.secrets.forget()
        self.bots.restart((platform, bot))

    async def stop_platform(self, platform: str, bot: str) -> None:
        """Stop a bot's adapter until it is started again; what it has to send waits. Raises NotFound."""
        self.platform(platform, bot)
        self.bots.halt((platform, bot))

    # --- sessions

    async def list_sessions(self, *, limit: int = 100, before: str = "") -> list[Json]:
        """Return sessions, the most recently active first; ``before`` is the last turn of the page before."""
        rows: list[Json] = redactor.known(await (await self.queries()).list_sessions(limit, before))
        for row in rows:
            address, bot = row.pop("address"), self.bots.platforms.get((row["platform"], row["bot"]))
            row["transfer"] = isinstance(bot, Transfers)
            row["left"] = await _left(bot, address)
        return rows

    # --- configuration

    def config(self) -> Json:
        """Return every effective value with its origin; secrets are masked."""
        from mindbot.config import view

        rows = view.rows(self.loaded)
        return {
            "files": [str(file) for file in self.loaded.files],
            "values": {row.key: row.value for row in rows},
            "origins": {row.key: row.origin for row in rows},
            "warnings": [str(warning) for warning in self.loaded.warnings],
        }

    async def unreadable_secrets(self, loaded: Loaded) -> list[str]:
        """Return a line for each secret of a configuration that cannot be read."""
        from mindbot.config.secret_check import unreadable

        return await anyio.to_thread.run_sync(unreadable, loaded, self.secrets)

    def changes(self, loaded: Loaded) -> list[Json]:
        """Return what another configuration would change; secrets are masked."""
        from mindbot.config import view

        found = view.differences(self.loaded.config, loaded.config)
        return [{"key": key, "old": old, "new": new} for key, old, new in found]

    # --- logs

    def logs(self, *, limit: int = 200, filter: str = "") -> list[Json]:
        """Return the last log lines that match, oldest first; raises BadFilter."""
        from mindbot.filters.fields import EVENT_FIELDS
        from mindbot.filters.language import parse

        keep = parse(filter, EVENT_FIELDS).compile()
        found: list[Json] = []
        for line in self.log_tail.lines():
            if len(found) >= limit:
                break
            if keep(line):
                found.append(line)
        return found[::-1]

    def log_levels(self) -> dict[str, str]:
        """Return the loggers that have a level of their own; the root's name is empty."""
        from mindbot.telemetry.logging import levels

        return levels()

    def set_log_levels(self, levels: Mapping[str, str]) -> None:
        """Change levels at once, until the daemon ends; an empty one follows the parent again.

        Raises:
            Invalid: there is no such level; nothing was changed.
        """
        from mindbot.telemetry.logging import LEVELS, set_level

        for name, level in levels.items():
            if level not in LEVELS and (level or not name):
                raise Invalid(f"no log level {level!r}", hint=f"levels: {', '.join(LEVELS)}")
        for name, level in levels.items():
            set_level(name, level)
