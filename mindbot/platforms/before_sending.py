"""What goes before a message: tokens, uploads, questions. What fails there leaves nothing in doubt.

`mindbot.domain.errors.NetworkFailed.sent` says of a delivery whether it may have been seen. A lost answer to
a step that shows nobody anything does not make it so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import anyio

from mindbot.domain.errors import MindBotError, NetworkFailed

PATIENCE = 25.0  # seconds for all that goes before; shorter than the deadline of one attempt to send

E = TypeVar("E", bound=MindBotError)


def unsent(error: E) -> E | NetworkFailed:
    """Return the error as one of a message that has not left; what it was is its cause."""
    if not isinstance(error, NetworkFailed) or not error.sent:
        return error
    found = NetworkFailed(error.message, hint=error.hint, code=error.code, sent=False)
    found.__cause__ = error
    return found


@contextmanager
def preparing(seconds: float = PATIENCE) -> Iterator[None]:
    """Hold what is done before a message's own request leaves.

    Raises:
        NetworkFailed: with ``sent`` false, for a lost answer and for more than so many ``seconds``: the
            outbox would end the attempt later, and could not know that nothing had left.
    """
    try:
        with anyio.fail_after(seconds):
            yield
    except NetworkFailed as error:
        raise unsent(error)  # noqa: B904 - with its cause
    except TimeoutError as error:
        raise NetworkFailed(f"not ready to be sent within {seconds:g}s", sent=False) from error
