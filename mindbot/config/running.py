"""The daemon that a command about configuration or secrets may ask, where one runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mindbot.domain.errors import Unreachable

if TYPE_CHECKING:
    from mindbot.api.client import Client
    from mindbot.config.load import Loaded


def daemon_of(ctx: typer.Context, loaded: Loaded | None = None) -> Client | None:
    """Return a client of the daemon that runs, or None.

    Its socket is the one named on the command line, the configuration's, or the usual one.
    """
    from mindbot.api import calls
    from mindbot.api.client import Client
    from mindbot.config.paths import state_dir

    socket = (ctx.obj or {}).get("socket")
    if not socket and loaded is not None and loaded.config.api.socket:
        socket = state_dir(loaded.config.state_dir) / Path(loaded.config.api.socket).expanduser()
    client = Client(socket)
    try:
        client.ask(calls.ping())
    except Unreachable:
        return None
    return client
