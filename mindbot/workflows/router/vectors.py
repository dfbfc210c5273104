"""Vectors of the examples, made once and kept; and how like a text is to each of them.

A new installation, or an embedder that is asked for the first time, has none of them: each message makes some
of the missing, for a moment, and is compared by hashed pieces meanwhile. An embedder that fails is left alone
for a while.
"""

from __future__ import annotations

import base64
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from mindbot.domain.errors import MindBotError, StoreError
from mindbot.domain.host import Keep
from mindbot.domain.message import Json
from mindbot.workflows.router.texts import same

if TYPE_CHECKING:
    from mindbot.workflows.router.embedders import Matrix, TextVectors

#: Seconds one call may take, a message makes missing vectors, and a failed embedder is left alone.
DEADLINE, MOMENT, PAUSE = 5.0, 2.0, 30.0
#: Texts of messages whose vectors are remembered.
REMEMBERED = 2048
#: Parts that the vectors on disk are split in.
BUCKETS = 64


class NotComparable(MindBotError):
    """Vectors cannot be had now; ``str`` says why. ``failed`` is False where they are only being made,
    or others are before."""

    def __init__(self, why: str, *, failed: bool) -> None:
        super().__init__(why)
        self.failed = failed


@dataclass(frozen=True, slots=True)
class Similarities:
    """The cosines of a text's vector and the examples'. ``usual`` is what two examples have, ``spread`` its
    standard deviation: in units of that they say the same with each embedder."""

    values: list[float]
    usual: float = 0.0
    spread: float = 1.0


class ExampleVectors:
    """See the module. ``keep`` is where vectors stay over restarts; ``keeps`` False: they are read alone."""

    def __init__(
        self,
        source: TextVectors,
        keep: Keep | None = None,
        *,
        keeps: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source = source
        self._keep = keep
        self._keeps = keeps
        self._clock = clock
        self._known: dict[str, bytes] = {}
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self._loaded = keep is None
        self._making = anyio.Lock()
        self._until = 0.0
        self._failure = ""
        self._answered = float("-inf")  # when it gave vectors last
        self._matrix: tuple[Sequence[str], Matrix, float, float] | None = None

    async def prepare(self, examples: Sequence[str]) -> None:
        """Make what is missing, however long it takes; raises NotComparable when the embedder fails."""
        async with self._making:
            await self._make(examples, float("inf"))

    async def ready(self, examples: Sequence[str]) -> None:
        """Load what comparing needs, as far as it is on this machine: nobody is asked for a vector."""
        async with self._making:
            with suppress(MindBotError):  # the first message that is compared says so
                await self.source.ready()
                if self._matrix is None and not await self._missing(examples):
                    self._matrix = await run_sync(self._arranged, examples)

    async def similarities(self, examples: Sequence[str], text: str) -> Similarities:
        """Return how like a text is to each example.

        Raises:
            NotComparable: the embedder fails or takes too long, or vectors of examples are still being made.
        """
        if self._clock() < self._until:
            raise NotComparable(self._failure, failed=True)
        if self._matrix is None or self._matrix[0] is not examples:
            if self._making.locked():
                raise NotComparable("vectors of the examples are being made", failed=False)
            async with self._making:
                await self._make(examples, self._clock() + MOMENT)
        matrix = self._matrix
        assert matrix is not None
        (row,) = await self._rows([text], self._recent)
        while len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        _, rows, usual, spread = matrix
        return Similarities([float(each) for each in rows @ row], usual, spread)

    async def _make(self, examples: Sequence[str], until: float) -> None:
        """Make missing vectors until then, and the matrix of all when none is missing."""
        missing = await self._missing(examples)
        at, batch = 0, self.source.batch
        try:
            while at < len(missing) and self._clock() < until:
                await self._rows(missing[at : at + batch], self._known)
                at += batch
        finally:
            if at:
                await self._save(examples)
        if at < len(missing):
            done = len(examples) - len(missing) + at
            raise NotComparable(
                f"vectors of the examples are being made ({done} of {len(examples)})", failed=False
            )
        self._matrix = await run_sync(self._arranged, examples)

    async def _missing(self, examples: Sequence[str]) -> list[str]:
        """Return the examples without a vector, once each."""
        await self._load()
        known = self._known
        return await run_sync(lambda: [text for text in dict.fromkeys(examples) if _key(text) not in known])

    def _arranged(self, examples: Sequence[str]) -> tuple[Sequence[str], Matrix, float, float]:
        import numpy as np

        rows = np.stack([_row(self._known[_key(text)]) for text in examples])
        some = rows[:: max(1, len(rows) // 400)]
        pairs = (some @ some.T)[np.triu_indices(len(some), 1)]
        if len(pairs) < 2 or not pairs.std():
            return examples, rows, 0.0, 1.0
        return examples, rows, float(pairs.mean()), float(pairs.std())

    async def _rows(self, texts: Sequence[str], into: dict[str, bytes]) -> list[Matrix]:
        """Return the vectors of texts, asking for those that are not known."""
        asked = [text for text in texts if _key(text) not in self._known and _key(text) not in into]
        if asked:
            try:
                with anyio.fail_after(DEADLINE):
                    made = await self.source.of(asked)
            except TimeoutError as error:
                raise self._late() from error
            except MindBotError as error:
                raise self._failed(str(error)) from error
            self._answered = self._clock()
            for text, row in zip(asked, made, strict=True):
                into[_key(text)] = row.astype("float16").tobytes()
        found = (self._known.get(_key(text)) or into[_key(text)] for text in texts)
        return [_row(each) for each in found]

    def _late(self) -> NotComparable:
        """Return what a call that took too long says: one that others went before is no failure."""
        if self._clock() - self._answered <= DEADLINE:
            return NotComparable(f"the embedder {self.source.name.rstrip(':')} is busy", failed=False)
        return self._failed(f"it took longer than {DEADLINE:g} s")

    def _failed(self, why: str) -> NotComparable:
        self._failure = f"the embedder {self.source.name.rstrip(':')} is down: {why}"
        self._until = self._clock() + PAUSE
        return NotComparable(self._failure, failed=True)

    async def _load(self) -> None:
        if self._loaded or self._keep is None:
            return
        self._loaded = True
        try:
            found = await self._keep.items(self._at(""))
        except StoreError:
            return  # they are made again
        self._known |= await run_sync(_rows_in, list(found.values()))

    async def _save(self, examples: Sequence[str]) -> None:
        """Write the vectors of these examples; those of others go."""
        if self._keep is None or not self._keeps:
            return
        buckets: dict[int, dict[str, str]] = {}
        for key in map(_key, examples):
            if key in self._known:
                bucket = buckets.setdefault(int(key[:4], 16) % BUCKETS, {})
                bucket[key] = base64.b64encode(self._known[key]).decode()
        try:
            for number, bucket in buckets.items():
                await self._keep.put(self._at(f"{number:02}"), bucket)
        except StoreError:
            return  # they are made again after a restart

    def _at(self, bucket: str) -> str:
        return f"vectors:{self.source.name}:{bucket}"


def _rows_in(buckets: Sequence[Json]) -> dict[str, bytes]:
    return {key: base64.b64decode(row) for bucket in buckets for key, row in bucket.items()}


def _key(text: str) -> str:
    return sha256(same(text).encode()).hexdigest()[:24]


def _row(kept: bytes) -> Matrix:
    import numpy as np

    return np.frombuffer(kept, np.float16).astype(np.float32)
