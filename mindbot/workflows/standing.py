"""What is known of workflows and outlives a configuration generation."""

from __future__ import annotations

from mindbot.domain.host import Keep
from mindbot.workflows.forms import Forms


class WorkflowStanding:
    """Shared by the generations of one process. ``keep`` is where conversations, forms, corrections and sums
    are on disk."""

    def __init__(self, keep: Keep) -> None:
        self.keep = keep
        self.forms = Forms(keep)

    async def load(self) -> None:
        """Read what an earlier process knew; raises StoreError."""
