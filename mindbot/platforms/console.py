"""The built-in platform: messages come in through the local API and answers are read from the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio

from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Part
from mindbot.domain.ports.platform import Receive, Report


class ConsolePlatform:
    """Being stored is being sent, so a second send changes nothing."""

    name = "console"
    idempotent = True
    #: Readers take answers from the store, so there is no request to make.
    local = True

    def __init__(self, bot: str = "default") -> None:
        self.bot = bot

    @classmethod
    def build(cls, settings: Any, bot: str, host: Host) -> ConsolePlatform:
        """Make the bot; the console needs no settings, network or secrets."""
        return cls(bot)

    async def run(self, receive: Receive, report: Report) -> None:
        """Messages arrive through ``POST /v1/turns``; there is nothing to poll."""
        report("ok", "")
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        """One reply is one message, whatever its length."""
        return [list(parts)] if parts else []

    def address(self, user: str) -> Json:
        """Return the user's name: whoever reads the store finds the answer."""
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        """The row in the outbox is the delivery."""
        return Sent()
