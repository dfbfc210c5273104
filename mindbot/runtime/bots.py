"""Keeps the bots' adapters alive: starts, restarts after a crash with back-off, stops."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from typing import Any

import anyio
import structlog
from anyio.abc import TaskGroup

from mindbot import registry
from mindbot.config.keys import guess
from mindbot.domain.bot import Bot
from mindbot.domain.errors import ConfigError, NotFound
from mindbot.domain.host import Host
from mindbot.domain.ports.platform import Receive, Webhook
from mindbot.domain.ports.store import OutboxStore
from mindbot.domain.shapes.daemon import BotJson
from mindbot.runtime.lifecycle import HealthBoard
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.strays import Strays
from mindbot.telemetry.redaction import told_in

log = structlog.get_logger("mindbot.runtime")

_MAX_BACKOFF = 60.0

#: What the bots of a configuration become: None for one that stays as it is, with its settings.
Made = dict[tuple[str, str], tuple[Bot | None, Any]]


def _offered(bot: Bot) -> list[str]:
    """Return what operators are offered for a bot, by the names in the API."""
    able = {
        "test": bot.tests,
        "groups": bot.groups,
        "transfer": bot.transfers,
        "stream": bot.streams,
        "take-back": bot.takes_back,
    }
    return [name for name, has in able.items() if has is not None]


async def remind(bots: Iterable[Bot], sent: OutboxStore) -> None:
    """Tell adapters that ask for it what they sent lately, in a process or generation before."""
    for bot in bots:
        if (adapter := bot.remembers) is not None:
            since = time.time() - adapter.remembers
            adapter.remember(await sent.sent_since(since, *bot.key))


class Bots:
    """All configured bots. One that fails never takes another, or the daemon, down."""

    def __init__(
        self, host: Callable[[str, str], Host], outbox: Outbox, health: HealthBoard, receive: Receive
    ) -> None:
        self._host = host
        self._outbox = outbox
        self._health = health
        self._receive = receive
        self._tasks: TaskGroup | None = None
        self._scopes: dict[tuple[str, str], anyio.CancelScope] = {}
        self._settings: dict[tuple[str, str], Any] = {}
        self.bots: dict[tuple[str, str], Bot] = {}
        self.strays = Strays()

    async def run(self) -> None:
        """Keep them alive until cancelled."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            for name in self.bots:
                self._start(name)
            await anyio.sleep_forever()

    def build(self, wanted: list[Any]) -> Made:
        """Make adapters for the bots of a configuration that are new or changed; None for unchanged ones.

        Raises:
            ConfigError: two bots with one name, or settings an adapter refuses.
        """
        made: Made = {}
        for bot in wanted:
            name = (bot.platform, bot.name)
            if name in made:
                raise ConfigError(
                    f"two {bot.platform} bots are named {bot.name!r}", hint="give each its own name"
                )
            if self._settings.get(name) == bot.settings and name in self.bots:
                made[name] = (None, bot.settings)
            elif (adapter := self._adapter(bot)) is not None:
                made[name] = (Bot.of(adapter), bot.settings)
        return made

    def _adapter(self, bot: Any) -> Any:
        """Return a bot's adapter; None, and say so, where another package's cannot be had: other bots run."""
        try:
            kind = registry.load("platforms", bot.platform)
            return kind.build(bot.settings, bot.name, self._host(bot.platform, bot.name))
        except registry.BrokenPart as error:
            reason = str(error)
        except Exception as error:
            if bot.platform not in registry.strangers("platforms"):
                raise
            why = f"{type(error).__name__}: {error}"
            reason = str(registry.broken("platforms", bot.platform, why))
        self._health.report(f"bot {bot.platform}/{bot.name}", "failed", reason)
        return None

    def use(self, made: Made) -> None:
        """Start what is new, restart what changed, stop what is gone."""
        for name in [n for n in self.bots if n not in made]:
            self._stop(name)
            self._health.forget(self.bots.pop(name).component)
            self._settings.pop(name)
        for name, (bot, settings) in made.items():
            if bot is None:
                continue
            self._stop(name)
            self.bots[name], self._settings[name] = bot, settings
            self._outbox.serve(bot)
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
        self._health.report(self.bots[name].component, "stopped", "stopped by an operator")

    def _start(self, name: tuple[str, str]) -> None:
        if self._tasks is not None:
            # Known before it runs, so that whoever stops the bot next stops this one.
            scope = self._scopes[name] = anyio.CancelScope()
            self._tasks.start_soon(self._supervise, self.bots[name], scope)

    def _stop(self, name: tuple[str, str]) -> None:
        if scope := self._scopes.pop(name, None):
            scope.cancel()

    async def _supervise(self, bot: Bot, scope: anyio.CancelScope) -> None:
        what = bot.component

        def report(state: str, reason: str) -> None:
            if not scope.cancel_called:  # who stops it has said so already
                self._health.report(what, state, reason)

        delay = 1.0
        with scope:
            while not scope.cancel_called:  # it may have been stopped before it began
                report("starting", "")
                begun = anyio.current_time()
                try:
                    await bot.adapter.run(self._receive, report)
                    reason = "its adapter ended"
                except Exception as error:  # noqa: BLE001 - a stranger's adapter; shown and started again
                    reason = f"{type(error).__name__}: {error}"
                    log.warning("bot failed", bot=f"{bot.platform}/{bot.name}", error=reason)
                if anyio.current_time() - begun > _MAX_BACKOFF:
                    delay = 1.0
                report("failed", f"{reason}; starting again in {delay:.0f}s")
                await anyio.sleep(delay * random.uniform(0.8, 1.2))
                delay = min(_MAX_BACKOFF, delay * 2)

    def find(self, platform: str, name: str = "") -> Bot:
        """Return a bot, by default the platform's first; raises NotFound."""
        for (p, n), found in self.bots.items():
            if p == platform and name in ("", n):
                return found
        raise self.unknown(platform, name)

    def webhooks_of(self, made: Made) -> list[Webhook]:
        """Return what `webhooks` will return once ``made`` is in use."""
        new = [bot or self.bots[name] for name, (bot, _) in made.items()]
        return [bot.webhook for bot in new if bot.webhook is not None]

    def webhooks(self) -> list[Webhook]:
        """Return the bots that are called back over HTTP."""
        return [bot.webhook for bot in self.bots.values() if bot.webhook is not None]

    def unknown(self, platform: str, bot: str) -> NotFound:
        """Return the error for a bot that is not there; it says which is probably meant."""
        names = [f"{p}/{b}" for p, b in sorted(self.bots)]
        have = f"bots: {', '.join(names) or 'none'}"
        meant = guess(f"{platform}/{bot}" if bot else platform, names if bot else [p for p, _ in self.bots])
        return NotFound(
            f"no bot {platform}/{bot or '*'}", hint=f"did you mean {meant}? {have}" if meant else have
        )

    def list(self) -> list[BotJson]:
        """Return each bot with its state, its counters, and what its adapter has to add."""
        return [self._row(bot) for bot in self.bots.values()]

    def _row(self, bot: Bot) -> BotJson:
        what = bot.component
        waiting = self._outbox.waiting_of(bot.platform, bot.name)
        row: BotJson = {
            "platform": bot.platform,
            "bot": bot.name,
            "state": self._health.state(what),
            "reason": self._health.reason(what),
            "since": self._health.since(what),
            "traffic": self._outbox.traffic.of(bot.platform, bot.name).to_json(waiting),
            "abilities": _offered(bot),
        }
        if (hook := bot.webhook) is not None:
            row["callback"] = f"/{bot.platform}/{bot.name}/callback"
            row["listen"] = f"{hook.host}:{hook.port}"
            row["details"] = self.strays.details((hook.host, hook.port), row["callback"])
        if bot.describes is not None:
            row["details"] = told_in(bot.describes.details()) | row.get("details", {})
        return row
