"""Backends for tests of the worker process: a model that echoes, and ones that go wrong."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

from mindbot.domain.message import Json


def _piece(text: str, finish: str | None = None) -> Json:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


class EchoBackend:
    """Echoes the last user message word by word.

    Told ``die`` it kills its process, ``fail`` it raises, ``hang`` it says nothing, ``talk`` it never ends;
    ``environment`` makes it tell the names in its environment, ``path`` what it was loaded with, ``process``
    its process's id.
    """

    def __init__(self, path: str, options: Json) -> None:
        if "refuse" in options:
            raise ValueError("no such model")
        self._path = path

    def chunks(self, body: Json) -> Iterator[Json]:
        """Yield the answer."""
        asked = body["messages"][-1]["content"]
        sys.stdout.write("libraries print\n")
        if asked == "die":
            os.kill(os.getpid(), 9)
        if asked == "fail":
            raise RuntimeError("out of ink")
        if asked == "hang":
            time.sleep(3600)
        while asked == "talk":
            yield _piece("and ")
        told = {"environment": ",".join(os.environ), "path": self._path, "process": str(os.getpid())}
        said = told.get(asked, f"echo: {asked}")
        for word in said.split(" "):
            yield _piece(f"{word} ")
        yield {**_piece("", "stop"), "usage": {"prompt_tokens": 3, "completion_tokens": len(said.split())}}
