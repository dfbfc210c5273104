"""The section `debug`: stopping turns to look at them."""

from __future__ import annotations

from pydantic import Field

from mindbot.config.sections import Section
from mindbot.config.types import Duration, Int


class DebugSettings(Section):
    """Breakpoints, and how long turns are held at them."""

    enabled: bool = Field(
        True, description="Whether breakpoints may be set; those that are set stop nothing."
    )
    lease: Duration = Field(
        60,
        ge=1,
        description="How long a turn is held at a breakpoint, at most; it goes on 2 s before its reply would "
        "be too late.",
    )
    most_parked: Int = Field(1000, ge=1, description="Turns held at once; of more none is stopped.")
