"""How long the outbox tries to send, and how long it waits in between."""

from __future__ import annotations

import random
from dataclasses import dataclass

from mindbot.config.sections import DeliverySettings
from mindbot.domain.errors import MindBotError, RateLimited

_LONGEST_QUIET = 600.0  # seconds a vendor may ask for; one that means more is asked again


@dataclass(frozen=True, slots=True)
class Policy:
    """How long the outbox tries. Times are seconds."""

    max_attempts: int = 24
    min_backoff: float = 0.5
    max_backoff: float = 60.0
    concurrency: int = 64
    timeout: float = 30.0

    @classmethod
    def of(cls, settings: DeliverySettings) -> Policy:
        """Take it from the `delivery:` section."""
        return cls(**{name: getattr(settings, name) for name in cls.__dataclass_fields__})

    def backoff(self, attempts: int, error: MindBotError) -> float:
        """Return how long to wait after that many attempts, the last of which ended so."""
        if isinstance(error, RateLimited):
            return min(error.retry_after, _LONGEST_QUIET) * random.uniform(1.0, 1.1)
        ceiling = min(self.max_backoff, self.min_backoff * 2.0 ** (attempts - 1))
        return ceiling * random.uniform(0.5, 1.0)
