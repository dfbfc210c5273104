"""Shared by the simulators' tests: a bare HTTP client, and callback receivers on loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import ClientSession, web

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@asynccontextmanager
async def _receiver(handler: Handler) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/wecom/default/callback"
    finally:
        await runner.cleanup()


@pytest.fixture
def receiver() -> Callable[[Handler], AbstractAsyncContextManager[str]]:
    """A callback URL answered by a handler."""
    return _receiver
