"""The workflows of one configuration generation: their apps, how they are, and who chooses among them."""

from __future__ import annotations

from collections.abc import Callable

from mindbot.config.model import Config
from mindbot.domain.host import Secrets
from mindbot.domain.ports.http import Http
from mindbot.pipeline.services import Models
from mindbot.workflows.standing import WorkflowStanding

#: Told (workflow, state, reason) when one changes: ok, degraded or failed.
Report = Callable[[str, str, str], None]


class Workflows:
    """See the module. ``models`` are asked for verdicts and embeddings; ``standing`` outlives it."""

    def __init__(
        self,
        config: Config,
        http: Http,
        secrets: Secrets,
        standing: WorkflowStanding,
        models: Models,
        *,
        report: Report = lambda workflow, state, reason: None,
    ) -> None:
        self.config = config
        self.http = http
        self.secrets = secrets
        self.standing = standing
        self.models = models
        self.report = report

    def begin(self) -> None:
        """Be the ones in force: what is known of them is held against this configuration."""

    async def aclose(self) -> None:
        """Close what it alone uses."""
