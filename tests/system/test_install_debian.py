"""docs/operations.md, word by word, on a fresh Debian with systemd: from the installation to its end."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nspawn
import pytest
from nspawn import Machine

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "docs" / "operations.md", ROOT / "docs" / "runbook.md")
BUILT = ("mindbot", "tui", "daemon", "contrib", "docs", "pyproject.toml", "README.md", "CHANGELOG.md")
CONFIG = "/etc/mindbot/mindbot.yaml"

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(nspawn.needs()), reason=f"no machine of its own: {nspawn.needs()}"),
]


def steps() -> dict[str, str]:
    """Return the pages' commands by the step they are marked with."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    found = re.findall(r"<!-- step: (\S+) -->\n+```sh\n(.*?)```", text, re.DOTALL)
    assert len(dict(found)) == len(found)
    return dict(found)


STEPS = steps()
#: What looks at a machine and changes nothing.
LOOKS = ("look", "logs", "disk", "clock", "port", "restarts")


def build(folder: Path, version: str = "") -> str:
    """Fill ``folder/dist`` as `make wheel` does, under a version if one is named; returns its version."""
    source, dist = folder / "source", folder / "dist"
    for name in BUILT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        source.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, source / name)
    project = (source / "pyproject.toml").read_text()
    if version:
        project = re.sub(r'^version = ".*"$', f'version = "{version}"', project, count=1, flags=re.MULTILINE)
        (source / "pyproject.toml").write_text(project)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(dist)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    for lock in (ROOT / "locks").glob("*.lock"):
        shutil.copy(lock, dist)
    shutil.rmtree(source)
    (wheel,) = dist.glob("mindbotd-*.whl")
    return wheel.name.split("-")[1]


@pytest.fixture(params=["bookworm", pytest.param("trixie", marks=pytest.mark.soak)])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    release = request.param
    for name, version in (("first", ""), ("next", "99.0.0")):
        build(tmp_path / name, version)
    wheels = nspawn.wheelhouse(ROOT / "locks" / "light.lock", nspawn.RELEASES[release])
    binds = {
        wheels: "/mnt/wheels",
        tmp_path / "first" / "dist": "/srv/dist",
        tmp_path / "next" / "dist": "/mnt/next",
    }
    with nspawn.machine(release, tmp_path, binds) as running:
        # What a user's pip would ask its package index for.
        running.run("printf '[global]\\nno-index = true\\nfind-links = /mnt/wheels\\n' > /etc/pip.conf")
        yield running


def test_the_wheel_holds_units_and_pages(tmp_path: Path) -> None:
    version = build(tmp_path)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    held = {name.partition(".data/data/")[2] for name in zipfile.ZipFile(wheel).namelist()}
    assert {"share/mindbot/systemd/mindbot.service", "share/doc/mindbot/operations.md"} <= held
    assert version in wheel.name


def test_the_page_from_install_to_uninstall(machine: Machine) -> None:
    version = machine.run("ls dist/mindbotd-*.whl | cut -d - -f 2").strip()
    install(machine)
    use(machine)
    look(machine)
    reload(machine)
    refuse_a_bad_configuration(machine)
    survive(machine)
    upgrade_and_come_back(machine, version)
    back_up_and_restore(machine)
    stop_and_uninstall(machine)


def install(machine: Machine) -> None:
    for step in ("install", "units", "configure"):
        machine.run(STEPS[step])
    assert machine.run(f"stat -c '%U:%G %a' {CONFIG}").strip() == "root:mindbot 640"
    assert machine.run("stat -c '%U:%G %a' /var/lib/mindbot").strip() == "mindbot:mindbot 700"
    machine.run(f"setpriv --reuid nobody --clear-groups cat {CONFIG}", code=1)
    machine.run("/opt/mindbot/current/bin/python -c 'import chromadb'", code=1)
    assert "not-a-real-key" not in machine.run(STEPS["start"], stdin="not-a-real-key\n")


def use(machine: Machine) -> None:
    assert "Hello from MindBot!" in machine.run("mindbot send hello")
    machine.run("useradd alice && usermod -aG mindbot alice")
    assert "Hello" in machine.run("setpriv --reuid alice --init-groups mindbot send hello")
    machine.run("setpriv --reuid nobody --clear-groups mindbot send hello", code=5)
    assert "providers-openai-api-key" in machine.run("mindbot secret list")
    machine.run(STEPS["credential"], stdin="not-a-real-token")
    machine.run("mindbot daemon status")


def look(machine: Machine) -> None:
    """What the runbook looks at, and what says how it is."""
    for step in LOOKS:
        machine.run(STEPS[step])


def reload(machine: Machine) -> None:
    machine.run(f"sed -i 's/Hello from MindBot!/Hello again!/' {CONFIG} && systemctl reload mindbot")
    assert "Hello again!" in machine.run("mindbot send hello")
    machine.run(f"cp {CONFIG} good.yaml && echo 'no_such_section: 1' >> {CONFIG}")
    machine.run("systemctl reload mindbot", code=1)
    assert "reload failed" in machine.run("systemctl status mindbot")
    assert "no_such_section" in machine.run("journalctl -u mindbot -p err")
    assert "Hello again!" in machine.run("mindbot send hello")


def refuse_a_bad_configuration(machine: Machine) -> None:
    """However many ask, each hears the line to mend, and the socket is there afterwards."""
    machine.run("systemctl restart mindbot", code=1)
    assert machine.run("systemctl show mindbot -P ExecMainStatus").strip() == "78"
    for _ in range(7):
        assert "no_such_section" in machine.run("mindbot daemon status", code=3)
    assert machine.run("systemctl is-active mindbot.socket").strip() == "active"
    assert "no_such_section" in machine.run("journalctl -u mindbot -p err --since -1min")
    machine.run(f"cat good.yaml > {CONFIG}")
    assert "Hello again!" in machine.run("mindbot send hello")  # the next client starts it


def survive(machine: Machine) -> None:
    machine.run("systemctl kill --kill-whom=main --signal=KILL mindbot")
    assert "Hello again!" in machine.run("mindbot send hello")
    machine.run("systemctl restart mindbot.socket")
    assert "Hello again!" in machine.run("mindbot send hello")

    override = "/etc/systemd/system/mindbot.service.d/watchdog.conf"
    machine.run(f"printf '[Service]\\nWatchdogSec=10\\n' > {override}; systemctl daemon-reload")
    # systemd lets a process that is stopped go on when it aborts it.
    machine.run("systemctl restart mindbot && systemctl kill --kill-whom=main --signal=STOP mindbot")
    machine.until("journalctl -u mindbot | grep 'Watchdog timeout'")
    machine.until("journalctl -u mindbot | grep 'Current thread'")
    machine.run(f"rm {override}; systemctl daemon-reload")
    assert "Hello again!" in machine.run("mindbot send hello")
    assert not machine.run("ls /var/lib/mindbot | grep core || true").strip()


def upgrade_and_come_back(machine: Machine, version: str) -> None:
    machine.run("umount dist && mount --bind /mnt/next dist")
    before = machine.run("mindbot turns --json | wc -l")
    for step in ("install", "units"):
        machine.run(STEPS[step])
    assert version in machine.run(
        "systemctl show mindbot -P MainPID | xargs -I{} cat /proc/{}/cmdline | tr '\\0' ' '"
    )
    assert "mindbot 99.0.0" in machine.run(STEPS["upgrade"])
    assert '"version": "99.0.0"' in machine.run("mindbot daemon status --json").replace('":"', '": "')
    assert machine.run("mindbot turns --json | wc -l") == before
    machine.run(STEPS["rollback"].replace("0.1.0", version))
    assert version in machine.run("mindbot --version")
    assert "Hello again!" in machine.run("mindbot send hello")


def back_up_and_restore(machine: Machine) -> None:
    for step in ("backup", "restore", "anew"):
        machine.run(STEPS[step])
        assert "Hello again!" in machine.run("mindbot send hello")
    move_to_a_new_server(machine)
    others = machine.run("find /var/lib/mindbot ! -user mindbot -o ! -group mindbot")
    assert not others.strip()


def move_to_a_new_server(machine: Machine) -> None:
    """Before the first start of the service, everything in its state is root's work."""
    machine.run("systemctl stop mindbot.socket && rm -rf /var/lib/mindbot")
    machine.run("systemd-tmpfiles --create mindbot.conf")
    machine.run(
        "STATE_DIRECTORY=/var/lib/mindbot mindbot secret set providers-openai-api-key", stdin="not-a-real-key"
    )
    machine.run(STEPS["restore"])
    assert "providers-openai-api-key" in machine.run("mindbot secret list")
    assert "Hello again!" in machine.run("mindbot send hello")


def stop_and_uninstall(machine: Machine) -> None:
    machine.run("systemctl stop mindbot.socket")
    assert machine.run("systemctl is-active mindbot.service", code=None).strip() == "inactive"
    machine.run(STEPS["uninstall"])
    assert "mindbot" not in machine.run("systemctl list-unit-files")
    assert machine.run("ls /var/lib/mindbot")
    machine.run(STEPS["forget"])
    left = machine.run(
        "ls -d /etc/*/mindbot* /etc/mindbot* /opt/mindbot* /run/mindbot/* /var/lib/mindbot* || true"
    )
    assert [line for line in left.splitlines() if not line.startswith("ls:")] == []
