"""Keeps the bots' adapters alive: starts, restarts after a crash with back-off, stops."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import anyio
from anyio.abc import TaskGroup

from mindbot import registry
from mindbot.config.keys import guess
from mindbot.domain.abilities import Describes, Groups, Streams, TakesBack, Tests, Transfers
from mindbot.domain.errors import ConfigError, NotFound
from mindbot.domain.host import Host
from mindbot.domain.message import Json
from mindbot.domain.ports import Platform, Receive, Webhook
from mindbot.runtime.lifecycle import Health
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.strays import Strays
from mindbot.telemetry.redaction import told_in

_MAX_BACKOFF = 60.0
#: What operators are offered for a bot, by the name in the API.
_ABILITIES: dict[str, type] = {
    "test": Tests,
    "groups": Groups,
    "transfer": Transfers,
    "stream": Streams,
    "take-back": TakesBack,
}


def component(platform: Platform) -> str:
    """Return the bot's name among the components."""
    return f"bot {platform.name}/{platform.bot}"


class Bots:
    """All configured bots. One that fails never takes another, or the daemon, down."""

    def __init__(
        self, host: Callable[[str, str], Host], outbox: Outbox, health: Health, receive: Receive
    ) -> None:
        self._host = host
        self._outbox = outbox
        self._health = health
        self._receive = receive
        self._tasks: TaskGroup | None = None
        self._scopes: dict[tuple[str, str], anyio.CancelScope] = {}
        self._settings: dict[tuple[str, str], Any] = {}
        self.platforms: dict[tuple[str, str], Platform] = {}
        self.strays = Strays()
        self.warn: Callable[..., Any] = lambda *a, **k: None

    async def run(self) -> None:
        """Keep them alive until cancelled."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            for name in self.platforms:
                self._start(name)
            await anyio.sleep_forever()

    def build(self, wanted: list[Any]) -> dict[tuple[str, str], tuple[Platform | None, Any]]:
        """Make adapters for the bots of a configuration that are new or changed; None for unchanged ones.

        Raises:
            ConfigError: two bots with one name, or settings an adapter refuses.
        """
        made: dict[tuple[str, str], tuple[Platform | None, Any]] = {}
        for bot in wanted:
            name = (bot.platform, bot.name)
            if name in made:
                raise ConfigError(
                    f"two {bot.platform} bots are named {bot.name!r}", hint="give each its own name"
                )
            if self._settings.get(name) == bot.settings and name in self.platforms:
                made[name] = (None, bot.settings)
            elif bot.platform in registry.names("platforms"):
                kind = registry.load("platforms", bot.platform)
                made[name] = (kind.build(bot.settings, bot.name, self._host(*name)), bot.settings)
            else:
                reason = "this version has no adapter for it"
                self._health.report(f"bot {bot.platform}/{bot.name}", "degraded", reason)
        return made

    def use(self, made: dict[tuple[str, str], tuple[Platform | None, Any]]) -> None:
        """Start what is new, restart what changed, stop what is gone."""
        for name in [n for n in self.platforms if n not in made]:
            self._stop(name)
            self._health.forget(component(self.platforms.pop(name)))
            self._settings.pop(name)
        for name, (platform, settings) in made.items():
            if platform is None:
                continue
            self._stop(name)
            self.platforms[name], self._settings[name] = platform, settings
            self._outbox.serve(platform)
            self._outbox.release(*name)
            self._start(name)

    def restart(self, name: tuple[str, str]) -> None:
        """Stop a bot's adapter and start it again."""
        self._stop(name)
        self._outbox.release(*name)
        self._start(name)

    def halt(self, name: tuple[str, str]) -> None:
        """Stop a bot's adapter, and its sends, until `restart`."""
        self._stop(name)
        self._outbox.hold(*name)
        self._health.report(component(self.platforms[name]), "stopped", "stopped by an operator")

    def _start(self, name: tuple[str, str]) -> None:
        if self._tasks is not None:
            # Known before it runs, so that whoever stops the bot next stops this one.
            scope = self._scopes[name] = anyio.CancelScope()
            self._tasks.start_soon(self._supervise, self.platforms[name], scope)

    def _stop(self, name: tuple[str, str]) -> None:
        if scope := self._scopes.pop(name, None):
            scope.cancel()

    async def _supervise(self, platform: Platform, scope: anyio.CancelScope) -> None:
        what = component(platform)

        def report(state: str, reason: str) -> None:
            if not scope.cancel_called:  # who stops it has said so already
                self._health.report(what, state, reason)

        delay = 1.0
        with scope:
            while not scope.cancel_called:  # it may have been stopped before it began
                report("starting", "")
                begun = anyio.current_time()
                try:
                    await platform.run(self._receive, report)
                    reason = "its adapter ended"
                except Exception as error:  # noqa: BLE001 - a stranger's adapter; shown and started again
                    reason = f"{type(error).__name__}: {error}"
                    self.warn("bot failed", bot=f"{platform.name}/{platform.bot}", error=reason)
                if anyio.current_time() - begun > _MAX_BACKOFF:
                    delay = 1.0
                report("failed", f"{reason}; starting again in {delay:.0f}s")
                await anyio.sleep(delay * random.uniform(0.8, 1.2))
                delay = min(_MAX_BACKOFF, delay * 2)

    def webhooks_of(self, made: dict[tuple[str, str], tuple[Platform | None, Any]]) -> list[Webhook]:
        """Return what `webhooks` will return once ``made`` is in use."""
        new = [platform or self.platforms[name] for name, (platform, _) in made.items()]
        return [p for p in new if isinstance(p, Webhook)]

    def webhooks(self) -> list[Webhook]:
        """Return the bots that are called back over HTTP."""
        return [p for p in self.platforms.values() if isinstance(p, Webhook)]

    def unknown(self, platform: str, bot: str) -> NotFound:
        """Return the error for a bot that is not there; it says which is probably meant."""
        names = [f"{p}/{b}" for p, b in sorted(self.platforms)]
        have = f"bots: {', '.join(names) or 'none'}"
        meant = guess(
            f"{platform}/{bot}" if bot else platform, names if bot else [p for p, _ in self.platforms]
        )
        return NotFound(
            f"no bot {platform}/{bot or '*'}", hint=f"did you mean {meant}? {have}" if meant else have
        )

    def list(self) -> list[Json]:
        """Return each bot with its state, its counters, and what its adapter has to add."""
        rows = []
        for platform in self.platforms.values():
            what = component(platform)
            row: Json = {"platform": platform.name, "bot": platform.bot, "state": self._health.state(what)}
            row |= {"reason": self._health.reason(what), "since": self._health.since(what)}
            row["traffic"] = self._outbox.traffic.of(platform.name, platform.bot).to_json()
            row["traffic"]["waiting"] = self._outbox.waiting_of(platform.name, platform.bot)
            row["abilities"] = [name for name, kind in _ABILITIES.items() if isinstance(platform, kind)]
            if isinstance(platform, Webhook):
                row["callback"] = f"/{platform.name}/{platform.bot}/callback"
                row["listen"] = f"{platform.host}:{platform.port}"
                row["details"] = self.strays.details((platform.host, platform.port), row["callback"])
            if isinstance(platform, Describes):
                row["details"] = told_in(platform.details()) | row.get("details", {})
            rows.append(row)
        return rows
