"""The command line against a daemon in this process."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from anyio import to_thread
from daemon_here import Running

from mindbot.cli.main import main


class Terminal(io.StringIO):
    """Output that somebody looks at."""

    def isatty(self) -> bool:
        return True


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Awaitable[Done]]


@pytest.fixture
def run(up: Running, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in a thread; ``terminal`` says whether a person looks at it."""

    async def run(*arguments: str, terminal: bool = False) -> Done:
        out, err = (Terminal() if terminal else io.StringIO()), io.StringIO()
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as end:
            await to_thread.run_sync(main, ["--socket", str(up.socket), *arguments])
        monkeypatch.undo()
        assert isinstance(end.value.code, int)
        return Done(end.value.code, out.getvalue(), err.getvalue())

    return run
