"""The installed package: its name, its version, and how its extras are installed.

The distribution is called `mindbotd`; the import packages are `mindbot`, `mindbot_daemon` and `mindbot_tui`.
`mindbot` on the public package index is somebody else's, with an import package of the same name.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

NAME = "mindbotd"


def version() -> str:
    """Return the installed version; ``unknown`` for source files that nobody installed."""
    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return "unknown"


def install_extra(extra: str) -> str:
    """Return the command that adds an extra's packages to this very environment.

    What is installed already satisfies the name, so that pip fetches the extra's packages alone and asks no
    index for MindBot.
    """
    return f'{Path(sys.prefix, "bin", "pip")} install "{NAME}[{extra}]"'
