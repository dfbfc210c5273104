"""A fresh Debian that systemd boots: a cached tree, an overlay on it, and `systemd-nspawn`.

The tree is made once by debootstrap, in the user's cache folder; each machine writes into its own overlay. It
has no network; what pip installs comes from a folder of wheels that the host fetched by the lock.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "mindbot-tests")
#: Python of each Debian.
RELEASES = {"bookworm": "3.11", "trixie": "3.13"}
_PACKAGES = "systemd-sysv,dbus,python3-venv,iproute2,procps"
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}


def needs() -> str:
    """Return why there can be no machine here; empty when there can."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [tool for tool in ("systemd-nspawn", "debootstrap", "nsenter") if not shutil.which(tool)]
    if absent:
        return f"not installed: {', '.join(absent)}"
    # With no rights to mount, as in most containers, nothing of this works.
    denied = subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode
    return "this root may not mount" if denied else ""


def tree(release: str) -> Path:
    """Return the cached tree of a release, made at the first use."""
    found = CACHE / f"debian-{release}-{hashlib.sha256(_PACKAGES.encode()).hexdigest()[:8]}"
    if not found.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        making = CACHE / f"debian-{release}.{os.getpid()}"
        command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", release, str(making)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            shutil.rmtree(making, ignore_errors=True)
            pytest.skip(f"debootstrap could not make a {release}: {done.stdout.strip().splitlines()[-1:]}")
        making.rename(found)
    return found


def wheelhouse(lock: Path, python: str) -> Path:
    """Return a folder with the wheels of a lock, fetched at the first use."""
    digest = hashlib.sha256(lock.read_bytes() + python.encode()).hexdigest()[:16]
    found = CACHE / f"wheels-{digest}"
    if not found.is_dir():
        fetching = CACHE / f"wheels-{digest}.{os.getpid()}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "-r", str(lock)]
        command += ["--dest", str(fetching), "--only-binary=:all:", f"--python-version={python}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(fetching, ignore_errors=True)
            pytest.skip(f"pip could not fetch the wheels: {done.stderr.strip().splitlines()[-1:]}")
        fetching.rename(found)
    return found


class Machine:
    """One that runs. ``run`` is a root's shell in it."""

    def __init__(self, root: Path, leader: int) -> None:
        self.root = root
        self._leader = leader

    def run(self, script: str, *, stdin: str = "", code: int | None = 0, timeout: float = 240.0) -> str:
        """Run a script as root; returns its output. ``code`` is the exit code it must have, None any."""
        command = ["nsenter", "-t", str(self._leader), "-a", "--", "bash", "-euo", "pipefail", "-c"]
        done = subprocess.run(
            [*command, f"cd /srv; {script}"],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=_ENVIRONMENT,
            timeout=timeout,
        )
        assert code is None or done.returncode == code, f"{script}\n→ {done.returncode}\n{done.stdout}"
        return done.stdout

    def until(self, script: str, *, timeout: float = 60.0) -> str:
        """Run a script again until it succeeds."""
        end = time.monotonic() + timeout
        while True:
            try:
                return self.run(script)
            except AssertionError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.3)


@contextmanager
def machine(release: str, folder: Path, binds: dict[Path, str]) -> Iterator[Machine]:
    """Boot a fresh machine, with folders of the host at paths of its own; ends with it."""
    root, upper, work = (folder / name for name in ("root", "upper", "work"))
    for each in (root, upper, work):
        each.mkdir()
    layers = f"lowerdir={tree(release)},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, str(root)], check=True)
    try:
        with (folder / "console").open("wb") as console:
            command = ["systemd-nspawn", "--directory", str(root), "--boot", "--console=pipe"]
            command += ["--register=no", "--keep-unit", "--link-journal=no", "--private-network"]
            command += ["--resolv-conf=off", "--timezone=off"]
            command += [f"--bind-ro={host}:{there}" for host, there in binds.items()]
            environ = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
            with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=environ
            ) as nspawn:
                try:
                    yield Machine(root, _leader(nspawn, folder / "console"))
                finally:
                    nspawn.terminate()
                    try:
                        nspawn.wait(30)
                    except subprocess.TimeoutExpired:
                        nspawn.kill()
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", str(root)], check=False)


def _leader(nspawn: subprocess.Popen[bytes], console: Path) -> int:
    """Wait for the machine's first process, as the host numbers it, and for the end of its boot."""
    children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")
    end = time.monotonic() + 60
    while time.monotonic() < end and nspawn.poll() is None:
        for child in children.read_text().split():
            waiting = ["nsenter", "-t", child, "-a", "--", "systemctl", "is-system-running", "--wait"]
            said = subprocess.run(waiting, capture_output=True, text=True, timeout=60).stdout.strip()
            if said in ("running", "degraded"):
                return int(child)
        time.sleep(0.2)
    pytest.skip(f"no machine boots here: {console.read_text(errors='replace')[-500:]}")
