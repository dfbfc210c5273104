"""What is known of workflows and outlives a configuration generation."""

from __future__ import annotations

from mindbot.domain.host import Keep


class WorkflowStanding:
    """Shared by the generations of one process. ``keep`` is where conversations, forms, corrections and sums
    are on disk."""

    def __init__(self, keep: Keep) -> None:
        self.keep = keep

    async def load(self) -> None:
        """Read what an earlier process knew; raises StoreError."""
