"""The systemd units: systemd itself judges them, where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mindbot.testing.waiting import PATIENCE

UNITS = Path(__file__).parents[2] / "contrib" / "systemd"

needs_analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed"
)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A copy whose executable exists on this machine."""
    for name in ("mindbot.service", "mindbot.socket"):
        text = (UNITS / name).read_text().replace("/opt/mindbot/current/bin/mindbotd", "/bin/true")
        text = text.replace("/opt/mindbot/current/bin/mindbot ", "/bin/true ")
        (tmp_path / name).write_text(text)
    return tmp_path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=PATIENCE)


@needs_analyze
def test_the_units_have_no_faults(units: Path) -> None:
    done = analyze("verify", str(units / "mindbot.service"), str(units / "mindbot.socket"))
    assert (done.returncode, done.stderr) == (0, "")


@needs_analyze
def test_the_service_is_locked_down(units: Path) -> None:
    done = analyze("security", "--offline=yes", "--no-pager", str(units / "mindbot.service"))
    found = re.search(r"exposure level for mindbot.service: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= 1.5


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="systemd-sysusers is not installed")
def test_the_user_can_be_made() -> None:
    command = ["systemd-sysusers", "--dry-run", str(UNITS / "sysusers.d" / "mindbot.conf")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("systemd-tmpfiles"), reason="systemd-tmpfiles is not installed")
def test_the_folders_can_be_made(tmp_path: Path) -> None:
    # Into a root of its own, where only root's own folders can be made: the user exists on a real host only.
    rules = "".join(
        line.replace(" mindbot mindbot ", " root root ").replace(" root mindbot ", " root root ")
        for line in (UNITS / "tmpfiles.d" / "mindbot.conf").read_text().splitlines(keepends=True)
    )
    file = tmp_path / "mindbot.conf"
    file.write_text(rules)
    command = ["systemd-tmpfiles", "--create", f"--root={tmp_path}", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


def test_the_drain_has_time_before_systemd_loses_patience() -> None:
    """The default of dispatcher.drain_timeout is 30 s, and the API gets a few more."""
    service = (UNITS / "mindbot.service").read_text()
    found = re.search(r"^TimeoutStopSec=(\d+)$", service, re.MULTILINE)
    assert found and int(found[1]) >= 40
    assert "RestartPreventExitStatus=78" in service
