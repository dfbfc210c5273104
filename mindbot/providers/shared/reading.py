"""A model's answer on its way in: bounded in bytes and in time before anything of it is decoded.

A sound server sends its answer line by line. What is bounded is what an unsound one could hold us with: bytes
that become no line, lines that become no answer, an answer without end.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from typing import Any

import anyio

from mindbot.deadlines import now
from mindbot.domain.chat import Chunks
from mindbot.domain.errors import NetworkFailed, Overloaded, Rejected, Truncated, VendorError
from mindbot.domain.ports.http import StreamResponse
from mindbot.http.answers import LineSplitter
from mindbot.http.attempt import AnswerTooLong
from mindbot.providers.errors import web_page
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.documents import DONE, Documents

_REFUSAL = 64 << 10  # bytes of a refusal that are read
_EVENT = 4 << 20  # bytes that one event may always have, within what an answer may; it is decoded at once
_PATIENCE = 10.0  # seconds for them: the status has been told


class Reading:
    """The lines of one answer. Times are seconds, sizes bytes.

    ``timeout`` bounds the wait for each whole line; everything is over at ``ends``, a time of
    ``anyio.current_time()``; ``limit`` bounds what may come without the answer getting longer (`moved`).
    """

    def __init__(
        self, vendor: str, response: StreamResponse, *, timeout: float, ends: float, limit: int
    ) -> None:
        self.vendor = vendor
        self.limit = limit
        self._response = response
        self._timeout = timeout
        self._ends = ends
        self._since = 0  # bytes since the answer last got longer
        self._splitter = LineSplitter(limit)

    @property
    def rest(self) -> bytes:
        """What no line end has followed when the answer broke off."""
        return self._splitter.rest

    @property
    def late(self) -> bool:
        """Whether the time for the whole answer is up."""
        return now() >= self._ends

    def moved(self) -> None:
        """Note that the answer got longer."""
        self._since = 0

    async def head(self) -> bytes:
        """Return the beginning of the body, as much as a refusal needs, or as much of that as comes."""
        head = bytearray()
        with suppress(NetworkFailed, Truncated), anyio.move_on_after(min(self._timeout, _PATIENCE)):
            async with aclosing(self._response.chunks()) as pieces:
                async for piece in pieces:
                    head += piece[: _REFUSAL - len(head)]
                    if len(head) == _REFUSAL:
                        break
        return bytes(head)

    async def lines(self) -> AsyncGenerator[list[bytes], None]:
        """Yield the lines that each piece of the body completes, and the last one.

        Raises:
            NetworkFailed: no whole line came in time.
            Truncated: the answer broke off.
            Rejected: too much came without the answer getting longer.
        """
        last = now()
        async with aclosing(self._response.chunks()) as pieces:
            async for piece in pieces:
                self._since += len(piece)
                if self._since > self.limit:
                    raise self._too_much()
                try:
                    lines = self._splitter.feed(piece)
                except AnswerTooLong:
                    raise self._too_much() from None
                moment = now()
                if any(lines):
                    last = moment
                elif moment - last > self._timeout or moment >= self._ends:
                    raise NetworkFailed(f"{self.vendor}: it answers too slowly", code="timeout")
                yield lines
        if self.rest:
            yield [self.rest]

    def _too_much(self) -> Rejected:
        return Rejected(f"{self.vendor}: an answer over {self.limit} bytes", code="too_large")


async def read(
    reading: Reading, answer: AnswerReader, watch: Callable[[Any], Awaitable[None]] | None = None
) -> Chunks:
    """Yield an answer as it arrives, in whatever framing, to its end; its `end` is left to the caller.

    ``watch`` sees each document first.

    Raises:
        VendorError: it is none, it broke off, or it took too long before it said anything.
    """
    documents = Documents(min(reading.limit, max(_EVENT, reading.limit // 8)), by_name=answer.by_name)
    done = False
    came = 0
    alone = False  # whether a whole answer came, and nothing else
    try:
        async with aclosing(documents_of(reading, documents)) as docs:
            async for doc in docs:
                if doc is DONE:
                    done = True
                    break
                came += 1
                if watch is not None:
                    await watch(doc)
                alone = came == 1 and documents.framing == "json" and answer.is_whole(doc)
                if chunk := answer.take(doc, streamed=documents.framing == "events"):
                    reading.moved()
                    yield chunk
                if answer.full or answer.over:
                    break
    except (NetworkFailed, Truncated):
        for doc in documents.end(reading.rest):
            if chunk := answer.take(doc):
                yield chunk
        if not answer.complete and not (answer.spoke and reading.late):
            raise
        if not answer.complete:
            answer.cut("the time for one answer")
    answer.unread += documents.unread
    if done or alone:
        answer.stopped()
    if not answer.complete:
        raise _none(reading.vendor, documents, answer)
    if chunk := answer.rest():
        yield chunk


async def documents_of(reading: Reading, documents: Documents) -> AsyncGenerator[object, None]:
    """Yield the documents of an answer as they arrive; raises like `Reading.lines`."""
    async with aclosing(bundles_of(reading, documents)) as bundles:
        async for docs in bundles:
            for doc in docs:
                yield doc


async def bundles_of(reading: Reading, documents: Documents) -> AsyncGenerator[Iterator[object], None]:
    """Yield the documents that came together, each as it is asked for; raises like `Reading.lines`.

    A bundle is gone through before the next, and raises like `Documents.feed`.
    """
    async with aclosing(reading.lines()) as pieces:
        async for lines in pieces:
            yield (doc for line in lines for doc in documents.feed(line))
            if documents.framing not in ("", "events", "json"):
                return
    yield iter(documents.end())


def _none(vendor: str, documents: Documents, answer: AnswerReader) -> VendorError:
    """Return the error for what has come to its end without being an answer."""
    match documents.framing:
        case "page":
            return web_page(vendor)
        case "utf-16":
            return Rejected(f"{vendor}: answered in UTF-16 instead of UTF-8", code="garbage")
        case "":
            return Overloaded(f"{vendor}: an empty answer", code="garbage")
        case "events" | "json" if not answer.unread or answer.spoke:
            return Truncated(f"{vendor}: the stream ended without an end", code="cut")
        case _:
            return answer.garbage()
