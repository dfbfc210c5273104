"""The daemon as operators and systemd meet it: real processes, real signals, real sockets."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mindbot.testing import processes
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import PATIENCE, wait_for

MINDBOT = [sys.executable, "-m", "mindbot.cli.main"]
SCRIPTED = {"providers": {"scripted": {}}}

#: What systemd does before it runs a service that it made sockets for; the process id stays.
HAND_OVER = """
import fcntl, os, sys
api, callback = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1:3])
os.dup2(api, 3), os.dup2(callback, 4)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "api:callback"}
os.execv(sys.argv[3], sys.argv[3:])
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with processes.daemon(tmp_path, SCRIPTED) as running:
        yield running


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def run_command(daemon: Daemon) -> list[str]:
    return [*MINDBOT, "--config", str(daemon.config_file), "daemon", "run"]


def rewrite(daemon: Daemon, **changes: object) -> None:
    daemon.config_file.write_text(json.dumps({**daemon.config, **changes}))


def test_status_stop_and_the_socket_afterwards(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, SCRIPTED)
    assert daemon.cli("daemon", "status").returncode == 3
    daemon.start()
    status = daemon.cli("daemon", "status", "--json")
    assert status.returncode == 0, status.stderr
    assert json.loads(status.stdout)["pid"] == daemon.pid
    assert daemon.cli("daemon", "stop").returncode == 0
    assert daemon.process is not None and daemon.process.wait(PATIENCE) == 0
    assert not daemon.socket.exists()
    assert daemon.cli("daemon", "stop").returncode == 3


@pytest.mark.full
def test_a_second_daemon_exits_1_and_names_the_first(daemon: Daemon, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sock"
    for socket_path in (daemon.socket, elsewhere):
        command = [
            *MINDBOT,
            "--config",
            str(daemon.config_file),
            "--socket",
            str(socket_path),
            "daemon",
            "run",
        ]
        second = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert second.returncode == 1
        assert f"pid {daemon.pid}" in second.stderr
        assert "Traceback" not in second.stderr
    assert daemon.cli("daemon", "status").returncode == 0


@pytest.mark.full
def test_after_a_kill_the_socket_left_behind_is_replaced(daemon: Daemon) -> None:
    daemon.kill()
    assert daemon.socket.exists()
    assert daemon.cli("send", "hello").returncode == 3
    daemon.start()
    assert daemon.cli("send", "hello").returncode == 0


@pytest.mark.full
def test_a_client_that_comes_early_waits(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, SCRIPTED)
    process = subprocess.Popen(run_command(daemon), stderr=subprocess.PIPE)
    try:
        wait_for(daemon.socket.exists)
        sent = daemon.cli("send", "hello")
        assert sent.returncode == 0, sent.stderr
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


@pytest.mark.full
@pytest.mark.parametrize(("environ", "code"), [({}, 1), ({"INVOCATION_ID": "x"}, 78)])
def test_a_configuration_that_cannot_be_used_lists_every_problem(
    tmp_path: Path, environ: dict[str, str], code: int
) -> None:
    file = tmp_path / "mindbot.yaml"
    file.write_text("dispatcher:\n  max_runing: 5\napi:\n  sokcet: x\n")
    command = [*MINDBOT, "--config", str(file), "daemon", "run"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, **environ}
    )
    assert done.returncode == code
    assert "max_runing" in done.stderr and "sokcet" in done.stderr and f"{file}:2" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.full
@pytest.mark.parametrize("environ", [{}, {"INVOCATION_ID": "x"}])
def test_a_port_that_is_taken_is_one_clear_line_and_tried_again(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    with processes.simulators("wecom", "openai") as sims, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        daemon = Daemon(tmp_path, processes.wecom_config(sims, port))
        there = {**os.environ, **environ}
        done = subprocess.run(
            run_command(daemon), capture_output=True, text=True, timeout=PATIENCE, env=there
        )
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr.splitlines()[-1]


@pytest.mark.full
def test_reload_opens_and_closes_ports_and_keeps_what_works(daemon: Daemon) -> None:
    with processes.simulators("wecom", "openai") as sims:
        port = processes.free_port()
        with_wecom = processes.wecom_config(sims, port)
        rewrite(daemon, **with_wecom)
        done = daemon.cli("daemon", "reload", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["generation"] == 2
        callback = f"http://127.0.0.1:{port}/wecom/default/callback"
        report = processes.post(
            f"{sims['wecom']['base_url']}/_sim/traffic", {"callback": callback, "messages": 5}
        )
        assert report["answered"] == 5

        rewrite(daemon, wecom={"host": "127.0.0.1", "prot": 1})
        bad = daemon.cli("daemon", "reload")
        assert bad.returncode == 1 and "prot" in bad.stderr
        assert json.loads(daemon.cli("daemon", "status").stdout)["config"]["generation"] == 2
        socket.create_connection(("127.0.0.1", port)).close()

        rewrite(daemon)
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: not listens(port))
    assert daemon.cli("send", "hello").returncode == 0


@pytest.mark.full
def test_sockets_of_systemd_are_used_and_left_in_place(tmp_path: Path) -> None:
    """As sd_listen_fds(3) says it: descriptors from 3 on, LISTEN_PID names the process they are for."""
    path = tmp_path / "given.sock"
    with socket.socket(socket.AF_UNIX) as given, processes.simulators("wecom", "openai") as sims:
        given.bind(str(path))
        given.listen()
        callback = socket.create_server(("127.0.0.1", 0))
        port = callback.getsockname()[1]
        daemon = Daemon(tmp_path, processes.wecom_config(sims, port))
        passed = (given.fileno(), callback.fileno())
        log = (tmp_path / "log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-c", HAND_OVER, *map(str, passed), *run_command(daemon)],
            pass_fds=passed,
            stderr=log,
        )
        callback.close()
        try:
            sent = subprocess.run(
                [*MINDBOT, "--socket", str(path), "send", "hello"], timeout=PATIENCE, capture_output=True
            )
            assert sent.returncode == 0, sent.stderr
            assert not daemon.socket.exists()
            url = f"http://127.0.0.1:{port}/wecom/default/callback"
            report = processes.post(
                f"{sims['wecom']['base_url']}/_sim/traffic", {"callback": url, "messages": 3}
            )
            assert report["answered"] == 3
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0
            log.close()
        assert path.exists()
        ready = next(line for line in (tmp_path / "log").read_text().splitlines() if "daemon.ready" in line)
        assert str(path) in ready


@pytest.mark.full
def test_who_waits_for_a_daemon_that_cannot_start_hears_why(tmp_path: Path) -> None:
    """Else systemd would start the service for that client again and again, until it gives the socket up."""
    path, file, journal = tmp_path / "given.sock", tmp_path / "mindbot.yaml", tmp_path / "journal"
    file.write_text("dispatcher:\n  max_runing: 5\n")
    with socket.socket(socket.AF_UNIX) as given, journal.open("wb") as stderr:
        given.bind(str(path))
        given.listen()
        client = subprocess.Popen(
            [*MINDBOT, "--socket", str(path), "turns"], stderr=subprocess.PIPE, text=True
        )
        select.select([given], [], [], 20)
        found = os.fstat(stderr.fileno())
        passed = (given.fileno(), given.fileno())
        daemon = subprocess.run(
            [
                sys.executable,
                "-c",
                HAND_OVER,
                *map(str, passed),
                *MINDBOT,
                "--config",
                str(file),
                "daemon",
                "run",
            ],
            pass_fds=passed,
            stderr=stderr,
            env={**os.environ, "INVOCATION_ID": "x", "JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"},
            timeout=PATIENCE,
        )
        told = client.communicate(timeout=PATIENCE)[1]
    assert daemon.returncode == 78 and client.returncode == 3
    assert "the daemon cannot start" in told and f"{file}:2" in told and "max_runing" in told
    lines = journal.read_text().splitlines()
    assert lines and all(line.startswith("<3>") for line in lines)


def test_a_daemon_that_the_watchdog_aborts_leaves_its_stacks(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, SCRIPTED)
    with (tmp_path / "stderr").open("wb") as stderr:
        process = subprocess.Popen(run_command(daemon), stderr=stderr)
        wait_for(daemon.socket.exists)
        process.send_signal(signal.SIGABRT)
        assert process.wait(PATIENCE) == -signal.SIGABRT
    assert "Current thread" in (tmp_path / "stderr").read_text()


@pytest.mark.full
def test_mindbotd_is_the_same_as_daemon_run_and_takes_the_files_it_may_have(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, SCRIPTED)
    script = "from mindbot_daemon.main import main; main()"
    command = [sys.executable, "-c", script, "--config", str(daemon.config_file)]
    process = subprocess.Popen(
        ["sh", "-c", 'ulimit -S -n 256; exec "$@"', "sh", *command], stderr=subprocess.DEVNULL
    )
    try:
        wait_for(daemon.socket.exists)
        assert daemon.cli("send", "hello").returncode == 0
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        soft, hard = next(line for line in limits.splitlines() if "open files" in line).split()[3:5]
        assert int(soft) == min(int(hard), 65536)
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0


@pytest.mark.full
def test_the_demo_answers_everything_and_leaves_nothing_behind() -> None:
    with tempfile.TemporaryDirectory() as short:  # a socket's path has 107 bytes at most
        _the_demo(Path(short))


def _the_demo(tmp_path: Path) -> None:
    done = subprocess.run(
        [*MINDBOT, "--socket", str(tmp_path / "mine.sock"), "up", "--demo"],
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "yours are not used" in done.stderr
    *conversations, last = done.stdout.splitlines()
    report = json.loads(last)
    assert report["sent"] >= 20
    assert (report["answered"], report["lost"], report["duplicated"]) == (report["sent"], 0, 0)
    answered_by = report["answered_by"]
    del answered_by["openai"]  # it fails at first
    assert len(answered_by) == 3 and sum(answered_by.values()) > 0
    workflows = report["workflows"]
    assert len(workflows) == 5 and "code_analysis" not in workflows, "it fails on purpose"
    assert "code_analysis fails on purpose: general_chat answers for it" in done.stderr
    assert report["scenes"] == dict.fromkeys(("picture", "announcement", "outage", "person"), True)
    assert len(conversations) > 2 * report["sent"]
    assert any("with a person: anna" in line for line in conversations)
    assert list(tmp_path.iterdir()) == []
