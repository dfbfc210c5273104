"""Real processes for end-to-end tests and benchmarks: simulators, daemons, their CPU and memory.

Everything is blocking and bounded; each helper ends only the processes it started.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mindbot.testing.commands import mindbot
from mindbot.testing.waiting import PATIENCE

_TICKS = os.sysconf("SC_CLK_TCK")
_MINDBOT = (sys.executable, "-m", "mindbot.cli.main")


def free_port() -> int:
    """Return a port nobody listens on just now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds (user and system) a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_bytes(pid: int, *, peak: bool = False) -> int:
    """Return a process's resident memory, or the most it ever had."""
    key = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    return 0


def get(url: str, timeout: float = 60) -> Any:
    """Return a JSON answer."""
    with urllib.request.urlopen(url, timeout=timeout) as response:  # noqa: S310 - loopback only
        return json.loads(response.read())


def post(url: str, body: Any, timeout: float = 300, *, method: str = "POST") -> Any:
    """POST (or PUT) JSON and return the JSON answer."""
    request = urllib.request.Request(  # noqa: S310 - loopback only
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310
        return json.loads(response.read())


@contextmanager
def simulators(
    *names: str, args: Sequence[str] = (), popen: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[dict[str, Any]]:
    """Run ``mindbot sim`` for the length of the block and yield its first line.

    ``popen`` are further arguments of the process, see `subprocess.Popen`.
    """
    process = subprocess.Popen([*_MINDBOT, "sim", *names, *args], stdout=subprocess.PIPE, **popen)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"mindbot sim {' '.join(names)} ended with {process.wait(PATIENCE)}")
        info: dict[str, Any] = json.loads(line)
        info["pid"] = process.pid
        yield info
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(PATIENCE)
    if process.stdout is not None:
        process.stdout.close()


class Daemon:
    """A ``mindbot daemon run`` of our own: its state lives in ``folder`` and survives `kill`."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        environ: Mapping[str, str] | None = None,
        popen: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.folder = folder
        self.socket = folder / "mindbot.sock"
        self.config_file = folder / "mindbot.yaml"
        self.config = {"state_dir": str(folder / "state"), "api": {"socket": str(self.socket)}, **config}
        self.config_file.write_text(json.dumps(self.config))
        self.config_file.chmod(0o600)
        self._environ = {k: v for k, v in os.environ.items() if k != "MINDBOT_SOCKET"} | dict(environ or {})
        self._popen = popen
        self.process: subprocess.Popen[bytes] | None = None
        self.ready_cpu = self.ready_wall = 0.0
        self._stopping = False

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, timeout: float = 2 * PATIENCE) -> None:
        """Start it and return when it says READY; raises RuntimeError with the end of its log."""
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = self.folder / "notify.sock"
        address.unlink(missing_ok=True)
        notify.bind(str(address))
        notify.settimeout(0.1)
        begun = time.perf_counter()
        self._stopping = False
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_MINDBOT, "--config", str(self.config_file), "daemon", "run"],
                env={**self._environ, "NOTIFY_SOCKET": str(address)},
                stdout=log,
                stderr=log,
                **self._popen,
            )
        try:
            while time.perf_counter() - begun < timeout:
                if self.process.poll() is not None:
                    raise RuntimeError(f"the daemon ended with {self.process.returncode}:\n{self.log()}")
                with suppress(TimeoutError):
                    if b"READY=1" in notify.recv(4096):
                        self.ready_wall = time.perf_counter() - begun
                        self.ready_cpu = cpu_seconds(self.pid)
                        return
        finally:
            notify.close()
        self.kill()
        raise RuntimeError(f"the daemon was not ready in {timeout:g}s:\n{self.log()}")

    def log(self, size: int = 4000) -> str:
        """Return the end of its log."""
        return (self.folder / "daemon.log").read_text(errors="replace")[-size:]

    def kill(self) -> None:
        """kill -9 and wait for the end."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)

    def begin_stop(self) -> None:
        """SIGTERM, once: a second one would force it."""
        if self.process is not None and not self._stopping:
            self._stopping = True
            self.process.send_signal(signal.SIGTERM)

    def stop(self, timeout: float = 2 * PATIENCE) -> int:
        """SIGTERM, unless it was sent already; returns the exit code."""
        if self.process is None:
            return 0
        self.begin_stop()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def cli(self, *args: str, timeout: float = 2 * PATIENCE) -> subprocess.CompletedProcess[str]:
        """Run a mindbot command against this daemon, as a process."""
        command = [*_MINDBOT, "--config", str(self.config_file), "--socket", str(self.socket), *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=self._environ)

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """The same in this process, in a fraction of the time."""
        return mindbot("--config", str(self.config_file), "--socket", str(self.socket), *args)

    def steps(self, turn: str) -> list[dict[str, Any]]:
        """Return a turn's steps, its deliveries last; raises RuntimeError with what the command says."""
        done = self.run("trace", turn, "--json")
        if done.returncode:
            raise RuntimeError(done.stderr)
        steps: list[dict[str, Any]] = json.loads(done.stdout)["spans"]
        return steps


@contextmanager
def daemon(
    folder: Path, config: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> Iterator[Daemon]:
    """Run a daemon for the length of the block."""
    running = Daemon(folder, config, environ)
    try:
        running.start()
        yield running
    finally:
        if running.process is not None and running.process.poll() is None:
            running.stop()


def wecom_config(sims: Mapping[str, Any], port: int) -> dict[str, Any]:
    """Return the configuration of a WeCom bot and an OpenAI-compatible model, both simulated."""
    wecom, openai = sims["wecom"], sims["openai"]
    keys = ("corpid", "secret", "token", "EncodingAESKey", "api_base_url")
    return {
        "wecom": {
            "host": "127.0.0.1",
            "port": port,
            # Benchmarks send more than WeCom allows, in all and to one member.
            "calls_per_minute": 1_000_000,
            "member_per_minute": 0,
            "member_per_hour": 0,
            **{k: wecom[k] for k in keys},
        },
        "providers": {
            "openai": {
                "api_key": openai["api_key"],
                "base_url": openai["base_url"],
                "models": [openai["model"]],
            }
        },
    }
