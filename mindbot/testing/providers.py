"""What every provider must do, whatever wire it speaks. Subclass `ProviderContract` beside your provider:

class TestAcme(ProviderContract):
    @asynccontextmanager
    async def vendor(self, play: Play) -> AsyncIterator[str]:
        async with simulated("acme", ...) as acme:
            yield acme.base_url

    def provider(self, base_url: str, http: Http, timeout: float) -> Provider:
        return AcmeProvider("acme", http=http, base_url=base_url, api_key=KEY, timeout=timeout)
"""

from __future__ import annotations

from mindbot.testing.models.answers import AnswersContract
from mindbot.testing.models.failures import FailuresContract
from mindbot.testing.models.rig import KEY, CollectedAnswer, Play, Tap, ask, collect

__all__ = ["KEY", "CollectedAnswer", "Play", "ProviderContract", "Tap", "ask", "collect"]


class ProviderContract(AnswersContract, FailuresContract):
    """See the module. What the vendor lacks (``tools``, ``images``, …) it says there."""
