"""Code of a provider that may be anybody's: whatever it raises becomes a failure of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing, contextmanager

import structlog

from mindbot.domain.chat import ChatRequest, Chunks
from mindbot.domain.errors import MindBotError, Overloaded
from mindbot.domain.ports.answering import Provider

log = structlog.get_logger("mindbot.providers")


@contextmanager
def ours(provider: str) -> Iterator[None]:
    """Make a failure of ours of whatever a client raises: a plugin's mistake must not end the line."""
    try:
        yield
    except MindBotError:
        raise
    except Exception as exc:
        log.exception("a provider's own code failed", provider=provider)
        message = f"{provider}: its own code failed: {type(exc).__name__}: {exc}"
        raise Overloaded(message, code="internal", hint="the log has the whole story: mindbot logs") from exc


async def said_by(client: Provider, provider: str, request: ChatRequest) -> Chunks:
    """Yield what a client answers; raises MindBotError alone."""
    with ours(provider):
        async with aclosing(client.chat(request)) as chunks:
            async for chunk in chunks:
                yield chunk
