"""A call that is made once, with one key and without fallback, counted like those of the loop that asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mindbot.domain.chat import Usage
from mindbot.domain.errors import MindBotError
from mindbot.providers.management.deployments import Deployment
from mindbot.providers.management.standing import Standing
from mindbot.providers.management.tally import LastError
from mindbot.providers.management.verdict import kind_of, of_the_provider
from mindbot.telemetry.redaction import told


@dataclass(slots=True)
class Took:
    """What a call took, once it is known."""

    usage: Usage | None = None


@contextmanager
def counted(standing: Standing, deployment: Deployment) -> Iterator[Took]:
    """Note of a call in the provider's tally that it was made, and how it ended: by what the block raises.

    It has no first piece: how long it took says nothing about answers.
    """
    tally = standing.tally(deployment.provider)
    took = Took()
    tally.begin()
    try:
        yield took
    except MindBotError as exc:
        if of_the_provider(exc):
            error = LastError(
                standing.clock(), kind_of(exc), told(exc), deployment.key.label, deployment.model
            )
            tally.failed(error)
        raise
    else:
        tally.answered(None, deployment.key.label)
    finally:
        usage = took.usage
        tally.end(usage.input_tokens + usage.output_tokens if usage is not None else 0)
