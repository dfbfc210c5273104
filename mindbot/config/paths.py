"""Where things live: configuration files and state; the local API's socket is in `mindbot.api.sockets`.

Under systemd the manager names the state (``$STATE_DIRECTORY``; systemd.exec(5));
elsewhere the XDG base directories count, through `platformdirs`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mindbot.domain.errors import ConfigError

#: The service's (``StateDirectory=mindbot``).
SYSTEM_STATE = Path("/var/lib/mindbot")
SYSTEM_CONFIG = Path("/etc/mindbot/mindbot.yaml")


def config_candidates(environ: Mapping[str, str]) -> list[Path]:
    """Return where a configuration file is looked for when none is named, best first."""
    folder = user_config_dir(environ)
    return [*([folder / "mindbot.yaml"] if folder else []), SYSTEM_CONFIG]


def user_config_dir(environ: Mapping[str, str]) -> Path | None:
    """Return ``$XDG_CONFIG_HOME/mindbot``; None for a user without a home."""
    if (base := environ.get("XDG_CONFIG_HOME", "")).startswith("/"):
        return Path(base, "mindbot")
    home = environ.get("HOME", "")
    return Path(home, ".config", "mindbot") if home.startswith("/") else None


def state_dir(configured: str | Path = "", environ: Mapping[str, str] | None = None) -> Path:
    """Return the state directory: as configured, ``$STATE_DIRECTORY`` under systemd, else the user's own."""
    environ = os.environ if environ is None else environ
    if configured:
        return Path(configured).expanduser()
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.partition(":")[0])  # several names make a list
    if (base := environ.get("XDG_STATE_HOME", "")).startswith("/"):
        return Path(base, "mindbot")
    from platformdirs import user_state_path

    return user_state_path("mindbot", appauthor=False)


def own_state_dir(
    configured: str | Path = "",
    environ: Mapping[str, str] | None = None,
    *,
    service: Path = SYSTEM_STATE,
    uid: int | None = None,
) -> Path:
    """Return the state directory for a command that touches it while no daemon answers.

    Raises:
        ConfigError: it is root's own, and a service's is there, which is the one that was meant: what is
            kept in the first is found by nobody.
    """
    environ = os.environ if environ is None else environ
    found = state_dir(configured, environ)
    root = (os.geteuid() if uid is None else uid) == 0
    if not root or configured or environ.get("STATE_DIRECTORY") or found == service or not service.exists():
        return found
    raise ConfigError(
        f"this would touch {found}, root's own state, and the service's is {service}",
        hint=f"say which: `STATE_DIRECTORY={service} mindbot …` is the service's (or start the service, and "
        f"ask again), STATE_DIRECTORY={found} root's own",
    )


def give_to_owner(path: Path) -> None:
    """Give what root made to whoever the folder belongs to: a service must be able to open its own state.

    Only what is root's is given, and never what a link leads to: the folder's owner could name any file.
    """
    there = path.parent.stat()
    if os.geteuid() == 0 and there.st_uid and path.lstat().st_uid == 0:
        os.chown(path, there.st_uid, there.st_gid, follow_symlinks=False)
