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
    trace_days: Int = Field(
        30,
        ge=0,
        description="Days that the steps of ended turns are kept; the turns stay for `store.retention`. "
        "0: as long as those.",
    )
    trace_mb: Int = Field(
        2000, ge=0, description="Megabytes of traces that are kept, the newest ones; 0: whatever there is."
    )
    most_parked: Int = Field(1000, ge=1, description="Turns held at once; of more none is stopped.")
