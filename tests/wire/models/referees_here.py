"""Runs the official clients of model vendors: each a program of its own, against a simulator."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest

PYTHON = Path(__file__).parents[3] / ".venv" / "referees" / "bin" / "python"

referee = [
    pytest.mark.anyio,
    pytest.mark.full,
    pytest.mark.skipif(
        not PYTHON.exists(), reason="the vendors' clients are not installed: `make referees` does it"
    ),
]


async def judged(script: str, base_url: str, key: str, what: str, *more: str) -> Any:
    """Let a script of this folder do one thing; returns the JSON that it prints last."""
    command = [str(PYTHON), "-W", "ignore", str(Path(__file__).with_name(script)), base_url, key, what, *more]
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and "API_KEY" not in k}
    done = await anyio.run_process(
        command, env=kept | {"no_proxy": "127.0.0.1"}, stderr=subprocess.PIPE, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout.splitlines()[-1])
