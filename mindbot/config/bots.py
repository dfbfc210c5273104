"""What the settings of every bot have, and what a platform's may say of itself.

A platform names its settings, ``Settings = …`` on its class, derived from `BotSettings`: they are the section
of its name. Where importing the platform takes long, they stand in a module of their own, named in the
entry-point group ``mindbot.settings`` as ``platforms.<name>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic import Field

from mindbot.config.sections import Section
from mindbot.config.types import Int


@dataclass(frozen=True, slots=True)
class Clash:
    """Why two bots are in each other's way; ``refused`` makes the configuration unusable."""

    what: str  # continues "wecom/a and wecom/b …"
    mend: str
    refused: bool = True


class BotSettings(Section):
    """What every bot has."""

    #: The section in a few words, for the documentation: what its bots are.
    about: ClassVar[str] = ""

    name: str = Field(
        "default", pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Unique among its platform's bots."
    )
    enabled: bool = Field(True, description="Whether the bot runs.")
    priority: Int = Field(0, ge=-10, le=10, description="Messages of higher bots are answered first.")
    messages_per_reply: Int = Field(
        20, ge=1, le=1000, description="Longer answers are cut, and the user is told how much is left out."
    )

    def listens(self) -> tuple[str, int] | None:
        """Return the host and port where the platform calls the bot back; None where it does not."""
        return None

    def clash(self, other: Self) -> Clash | None:
        """Say what is wrong with running this bot beside another of its platform; None when nothing is."""
        return None
