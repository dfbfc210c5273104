"""An operator who debugs a daemon by the command line alone."""

from __future__ import annotations

import json
from typing import Any

from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import wait_for


class DebugOperator:
    """Runs `mindbot debug …` against a daemon. What a command refuses is raised as AssertionError."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def does(self, *command: str) -> str:
        """Run a command of `mindbot debug`; returns what it prints."""
        done = self._daemon.run("debug", *command)
        assert done.returncode == 0, (command, done.returncode, done.stderr)
        return done.stdout

    def sees(self, *command: str) -> dict[str, Any]:
        """The same, of a command that prints one JSON object."""
        found: dict[str, Any] = json.loads(self.does(*command))
        return found

    def breaks(self, *options: str) -> str:
        """Set a breakpoint; returns its id."""
        return self.does("break", *options).strip()

    @property
    def parked(self) -> list[dict[str, Any]]:
        """The turns that are parked now."""
        found: list[dict[str, Any]] = self.sees("list", "--json")["parked"]
        return found

    def parked_of(self, user: str) -> dict[str, Any]:
        """Return how a user's turn is parked, once it is; raises TimeoutError."""
        (found,) = wait_for(lambda: [each for each in self.parked if each["user"] == user])
        return found
