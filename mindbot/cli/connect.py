"""From a command's context to a client of the daemon."""

from __future__ import annotations

import typer

from mindbot.api.client import Client


def connect(ctx: typer.Context, console: str = "") -> Client:
    """Return a client for the socket named on the command line, or for the one that is found.

    ``console`` is what it calls itself, where it is more than one command.
    """
    return Client((ctx.obj or {}).get("socket"), console)
