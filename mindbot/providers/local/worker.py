"""The process in which a local model lives: JSON lines in, JSON lines out. It ends with its daemon.

In: ``{"load": {"backend", "path", "options"}}`` first, then ``{"ask": N, "body": {…}}`` one at a time, and
``{"leave": N}`` while one is answered. Out: ``{"ready": true}``, then ``{"of": N, "doc": {…}}`` for each
piece and ``{"of": N, "end": true}``; ``{"of": N, "error": "…"}`` for what failed. What the libraries print
goes to standard error.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import IO

import orjson

from mindbot.domain.errors import MindBotError
from mindbot.domain.message import Json
from mindbot.providers.local.backends import Backend, load


class Worker:
    """See the module. ``idle`` is how many seconds without a question end it."""

    def __init__(self, lines: IO[bytes], out: IO[bytes], idle: float) -> None:
        self._lines = lines
        self._out = out
        self._idle = idle or None
        self._asked: queue.SimpleQueue[Json | None] = queue.SimpleQueue()
        self._left: set[int] = set()

    def run(self) -> int:
        """Serve until nobody asks any more; return the exit code."""
        first = orjson.loads(self._lines.readline() or b"null")
        if not first:
            return 0
        try:
            model = load(**first["load"])
        except MindBotError as error:
            self._tell({"error": error.message, "hint": error.hint})
            return 1
        except Exception as error:  # noqa: BLE001 - of libraries nobody here knows
            self._tell({"error": f"{type(error).__name__}: {error}"})
            return 1
        self._tell({"ready": True})
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            try:
                order = self._asked.get(timeout=self._idle)
            except queue.Empty:
                return 0
            if order is None:
                return 0
            self._answer(model, order)

    def _listen(self) -> None:
        for line in self._lines:
            order = orjson.loads(line)
            if "leave" in order:
                self._left.add(order["leave"])
            else:
                self._asked.put(order)
        self._asked.put(None)

    def _answer(self, model: Backend, order: Json) -> None:
        number = order["ask"]
        try:
            chunks = model.chunks(order["body"])
            for doc in chunks:
                if number in self._left:
                    getattr(chunks, "close", lambda: None)()
                    break
                self._tell({"of": number, "doc": doc})
        except Exception as error:  # noqa: BLE001 - it costs this answer and not the process
            self._tell({"of": number, "error": f"{type(error).__name__}: {error}"})
        else:
            self._tell({"of": number, "end": True})
        self._left.discard(number)

    def _tell(self, what: Json) -> None:
        self._out.write(orjson.dumps(what) + b"\n")
        self._out.flush()


def main() -> int:
    """Serve on the standard streams; what anybody prints goes to standard error."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        return Worker(sys.stdin.buffer, out, float(sys.argv[1])).run()
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    # A library's threads may hang: nothing here needs an orderly end.
    os._exit(main())
