"""A process that runs a message which kills it, and others that do not: what is held against whom?

    python poisoned.py FOLDER MAX_ATTEMPTS KILLS INNOCENTS [poison]

It starts the runtime again and again as a child of its own until every message has ended, kills it ``KILLS``
times by ``kill -9`` while answers are made, and prints how the turns ended as one JSON line.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import anyio

from mindbot.config.load import load
from mindbot.domain.chat import Chunk
from mindbot.domain.turn import Turn
from mindbot.pipeline.chat import ChatRunner
from mindbot.runtime.app import Runtime

_ANSWERS_IN = 0.3  # seconds
_STARTS = 60  # at most


class Runner(ChatRunner):
    """Answers after a while; dies of a word."""

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        """Yield the answer, or kill the process."""
        if turn.message.text == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        await anyio.sleep(_ANSWERS_IN)
        yield Chunk("fine", finish="stop")


async def _serve(folder: Path, attempts: int, texts: list[str], tell: int) -> None:
    ChatRunner.run = Runner.run  # type: ignore[method-assign,assignment]
    loaded = load(environ={}, overrides={"dispatcher": {"max_attempts": attempts}})
    async with Runtime.open(loaded, folder) as runtime:
        for n, text in enumerate(texts):
            await runtime.resources.turns.inject(text=text, user=f"user{n}")
        os.write(tell, b"ready")
        while runtime.dispatcher.running or runtime.dispatcher.queued:
            await anyio.sleep(0.02)


def _start(folder: Path, attempts: int, texts: list[str]) -> tuple[int, int]:
    """Run a child that ends when everything is answered; returns its pid and a pipe that says `ready`."""
    heard, tell = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tell)
        return pid, heard
    code = 1
    try:
        anyio.run(_serve, folder, attempts, texts, tell)
        code = 0
    finally:
        os._exit(code)


def _ends(folder: Path) -> list[dict[str, str]]:
    with closing(sqlite3.connect(folder / "mindbot.db")) as db:
        sql = "SELECT json_extract(message, '$.parts[0].text'), state, coalesce(reason, '') FROM turns"
        return [{"text": text, "state": state, "reason": reason} for text, state, reason in db.execute(sql)]


def main(folder: Path, attempts: int, kills: int, innocents: int, poison: bool) -> None:
    """See the module."""
    folder.mkdir(exist_ok=True)
    texts = [*(f"question {n}" for n in range(innocents)), *(["poison"] if poison else [])]
    crashes = killed = 0
    for _ in range(_STARTS):
        pid, heard = _start(folder, attempts, texts)
        texts = []
        select.select([heard], [], [], 60)
        if killed < kills:
            time.sleep(random.uniform(0, _ANSWERS_IN * 0.8))
            killed += 1
            os.kill(pid, signal.SIGKILL)
        os.close(heard)
        if os.waitpid(pid, 0)[1] == 0:
            break
        crashes += 1
    print(json.dumps({"crashes": crashes, "killed": killed, "turns": _ends(folder)}))


if __name__ == "__main__":
    name, tries, times, others, *more = sys.argv[1:]
    main(Path(name), int(tries), int(times), int(others), bool(more))
