"""Bots: how they are, restart, stop, test, speak."""

from __future__ import annotations

import anyio

from mindbot.config.secrets import SecretLookup
from mindbot.domain.abilities import Check
from mindbot.domain.shapes.daemon import BotJson, CheckJson
from mindbot.runtime.bots import Bots
from mindbot.runtime.resources.injection import Injection
from mindbot.telemetry.redaction import told_in

_TEST_SECONDS = 60.0


class PlatformResource:
    """Answers ``/v1/platforms``."""

    def __init__(self, bots: Bots, secrets: SecretLookup, injection: Injection) -> None:
        self._bots = bots
        self._secrets = secrets
        #: Lets a bot say something of its own accord; see `Injection.push`.
        self.push = injection.push

    def platforms(self) -> list[BotJson]:
        """Return each bot's state."""
        return self._bots.list()

    def platform(self, platform: str, bot: str) -> BotJson:
        """Return one bot's state; raises NotFound."""
        for found in self._bots.list():
            if (found["platform"], found["bot"]) == (platform, bot):
                return found
        raise self._bots.unknown(platform, bot)

    async def restart_platform(self, platform: str, bot: str) -> None:
        """Stop a bot's adapter and start it again, with its secrets read anew; raises NotFound."""
        self.platform(platform, bot)
        self._secrets.forget()
        self._bots.restart((platform, bot))

    async def stop_platform(self, platform: str, bot: str) -> None:
        """Stop a bot's adapter until it is started again; what it has to send waits. Raises NotFound."""
        self.platform(platform, bot)
        self._bots.halt((platform, bot))

    async def test_platform(self, platform: str, bot: str) -> list[CheckJson]:
        """Let a bot prove that it works, step by step; raises NotFound."""
        found = self._bots.find(platform, bot)
        if found.tests is None:
            return [Check("test", "skipped", "this platform has nothing to test").to_json()]
        with anyio.move_on_after(_TEST_SECONDS):
            checks = await found.tests.test()
            if (hook := found.webhook) is not None:
                path = f"/{hook.name}/{hook.bot}/callback"
                checks += self._bots.strays.check((hook.host, hook.port), path)
            return [told_in(check.to_json()) for check in checks]
        mend = "is the vendor reachable from this machine?"
        return [Check("test", "failed", f"no result after {_TEST_SECONDS:g}s", mend).to_json()]
