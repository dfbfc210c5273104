"""Answers: read whole, or still arriving. Both are bounded."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import anyio

from mindbot.domain import plain
from mindbot.domain.errors import Overloaded, VendorError
from mindbot.http.attempt import ERRORS, AnswerTooLong, Attempt

#: A server that has said everything ends its answer at once; one that does not loses the connection.
_DRAIN_SECONDS = 0.25
_DRAIN_BYTES = 64 << 10
#: Bytes of JSON that are decoded: meanwhile everything else waits. No page of any vendor is as long.
_JSON = 8 << 20


async def read_whole(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read the body; raises `AnswerTooLong` beyond ``limit`` bytes, unread where its length was announced."""
    if (answer.content_length or 0) > limit:
        raise AnswerTooLong(limit)
    pieces = []
    size = 0
    while piece := await answer.content.readany():
        size += len(piece)
        if size > limit:
            raise AnswerTooLong(limit)
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@dataclass(slots=True)
class HttpResponse:
    """An answer read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    _from: Attempt

    def json(self) -> Any:
        """Decode the body, also where people's words have made it no JSON; see `mindbot.domain.plain.loads`.

        Raises:
            Overloaded: the body is not JSON, or too much of it.
        """
        if len(self.body) > _JSON:
            raise Overloaded(
                f"{self._from}: HTTP {self.status} with JSON of {len(self.body)} bytes", code="garbage"
            )
        try:
            return plain.loads(self.body)
        except ValueError:
            raise Overloaded(f"{self._from}: HTTP {self.status} without JSON", code="garbage") from None


class LineSplitter:
    """Cuts bytes into lines however they arrive."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._begun: list[bytes] = []  # of one line: joined once, in however many pieces it comes
        self._size = 0

    @property
    def rest(self) -> bytes:
        """What no line end has followed yet."""
        return b"".join(self._begun)

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the lines ``piece`` completes, without LF or CRLF; raises `AnswerTooLong`."""
        *lines, rest = piece.split(b"\n")
        if lines:
            lines[0] = b"".join([*self._begun, lines[0]])
            self._begun.clear()
            self._size = 0
        if rest:
            self._begun.append(rest)
            self._size += len(rest)
        if self._size > self._limit:
            raise AnswerTooLong(self._limit)
        return [line[:-1] if line.endswith(b"\r") else line for line in lines]


class HttpStream:
    """An answer that is still arriving. ``size`` is the bytes read so far."""

    def __init__(
        self, answer: aiohttp.ClientResponse, attempt: Attempt, *, idle: float, max_line: int, max_body: int
    ) -> None:
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self.size = 0
        self.error = ""
        self._answer = answer
        self._attempt = attempt
        self._idle = idle
        self._max_line = max_line
        self._max_body = max_body

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Yield lines without their line ends, and what is left after the last one.

        Raises:
            Truncated: the answer broke off.
            NetworkFailed: nothing came in time.
            Rejected: a line is longer than ``max_line``.
        """
        splitter = LineSplitter(self._max_line)
        while piece := await self._piece():
            try:
                lines = splitter.feed(piece)
            except AnswerTooLong as exc:
                raise self._failed(exc) from None
            for line in lines:
                yield line
        if splitter.rest:
            yield splitter.rest

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it arrives, however long; raises Truncated and NetworkFailed as `lines`."""
        while piece := await self._piece():
            yield piece

    async def read(self) -> bytes:
        """Read the rest; raises like `lines`, `Rejected` beyond ``max_body``."""
        pieces = []
        size = 0
        while piece := await self._piece():
            size += len(piece)
            if size > self._max_body:
                raise self._failed(AnswerTooLong(self._max_body))
            pieces.append(piece)
        return b"".join(pieces)

    async def drain(self) -> None:
        """Give the answer's end a moment to arrive, so that the connection can be used again."""
        if self._answer.connection is None:
            return
        left = _DRAIN_BYTES
        # Everything wanted has been read: an answer that ends badly only loses its connection.
        with anyio.move_on_after(_DRAIN_SECONDS), suppress(*ERRORS):
            while (piece := await self._answer.content.readany()) and (left := left - len(piece)) > 0:
                pass

    async def _piece(self) -> bytes:
        try:
            piece = await self._answer.content.readany()
        except ERRORS as exc:
            failure = self._failed(exc)
        else:
            if not self.size:
                self._first_byte_came()
            self.size += len(piece)
            return piece
        raise failure

    def _failed(self, exc: BaseException) -> VendorError:
        failure = self._attempt.broken(exc)
        self.error = failure.code
        return failure

    def _first_byte_came(self) -> None:
        """From now on the shorter patience applies; aiohttp keeps one read timeout per request."""
        connection = self._answer.connection
        if connection is not None and connection.protocol is not None:
            connection.protocol.read_timeout = self._idle
            connection.protocol.start_timeout()
