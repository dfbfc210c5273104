"""The adapter of WeCom AI bots (智能机器人).

A bot is either called back (`webhook`) or connects itself (`connection`): WeCom's console switches one on and
the other off. What both do stands in `bot`.
"""

from __future__ import annotations

from mindbot.domain.host import Host
from mindbot.domain.ports.platform import Platform
from mindbot.platforms.wecombot.settings import WeComBotSettings


class WeComBotPlatform:
    """Makes the adapter that a bot's ``mode`` asks for."""

    Settings = WeComBotSettings

    @staticmethod
    def build(settings: WeComBotSettings, bot: str, host: Host) -> Platform:
        """Make the adapter as the runtime does."""
        from mindbot.platforms.wecombot.connection import ConnectionBot
        from mindbot.platforms.wecombot.webhook import WebhookBot

        made: Platform = (WebhookBot if settings.mode == "webhook" else ConnectionBot)(settings, bot, host)
        return made
