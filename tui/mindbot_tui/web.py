"""The console in a browser: one console process for each viewer."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence


def serve(options: Sequence[str], socket: str | None, host: str, port: int) -> None:
    """Serve until interrupted. Whoever reaches the port acts as this process's user."""
    from textual_serve.server import Server

    words = [
        sys.executable,
        "-m",
        "mindbot.cli.main",
        *(["--socket", socket] if socket else []),
        "tui",
        *options,
    ]
    print(f"console on http://{host}:{port}", file=sys.stderr, flush=True)
    Server(shlex.join(words), host=host, port=port, title="MindBot").serve()
