"""What must hold for the repository as a whole: its packaging and what must not be in it."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

#: A file must work on any machine, with any package index.
_HOSTS = re.compile(r"pypi\.org|python[h]osted|registry\.npm[j]s|deb\.debian[.]|crates\.io/api")
_MACHINE = re.compile(r"(?<![\w.}])/(?:root|home|Users|work|workspace|builds)/\w")
_UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X]|HAC[K])\b")


def files(*endings: str) -> list[Path]:
    """Return the repository's own files, new ones included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git work tree: cannot tell the repository's files from others")
    found = [ROOT / name for name in listed if not endings or name.endswith(endings)]
    return [path for path in found if path.is_file()]


def lines(*endings: str) -> Iterator[tuple[str, str]]:
    """Yield (file:line, text) of all text files."""
    for path in files(*endings):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def entry_points() -> list[EntryPoint]:
    """Return what pyproject.toml declares, whether it is installed yet or not."""
    groups = {**PROJECT["entry-points"], "console_scripts": PROJECT["scripts"]}
    return [
        EntryPoint(name, value, group) for group, named in groups.items() for name, value in named.items()
    ]


@pytest.mark.parametrize("point", entry_points(), ids=lambda point: f"{point.group}:{point.name}")
def test_an_entry_point_leads_somewhere(point: EntryPoint) -> None:
    assert point.load() is not None


def test_no_package_index_and_no_machine_is_named() -> None:
    here = str(ROOT) if len(ROOT.parts) > 2 else "\0"  # a short one, say /src, stands in many a URL
    assert not [
        where for where, line in lines() if _HOSTS.search(line) or _MACHINE.search(line) or here in line
    ]


@pytest.mark.full
def test_nothing_is_left_unfinished() -> None:
    assert not [where for where, line in lines(".py", ".sh", ".md") if _UNFINISHED.search(line)]


def test_init_files_are_empty() -> None:
    assert not [path for path in files("__init__.py") if path.stat().st_size]


def test_test_files_have_their_own_names() -> None:
    names = Counter(path.name for path in files(".py") if path.name.startswith("test_"))
    assert not [name for name, count in names.items() if count > 1]


LOCKS = ("requirements.lock", "locks/production.lock", "locks/light.lock")


def locked(lock: str) -> dict[str, str]:
    """Return the entries of a lock by name, each with its hashes."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", "\n".join(x for x in text.splitlines() if not x.lstrip().startswith("#")))
    return {re.split(r"[=\[ ;]", entry)[0]: entry for entry in entries if entry}


@pytest.mark.parametrize("lock", [*LOCKS, "locks/referees.lock"])
def test_a_lock_pins_everything_with_hashes_and_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text and "--extra-index" not in text and "--find-links" not in text
    assert not [name for name, e in locked(lock).items() if not ("==" in e and "--hash=sha256:" in e)]


def test_servers_get_what_was_tested_and_no_tools() -> None:
    tested, production, light = map(locked, LOCKS)
    assert light.keys() < production.keys() < tested.keys()
    assert not production.keys() & {"pytest", "ruff", "mypy", "uv", "moto"}
    assert not light.keys() & {"chromadb", "langchain-core", "onnxruntime", "numpy"}
    assert "aiohttp" in light and "cryptography" in light
    differing = [name for name in production if production[name].split()[0] != tested[name].split()[0]]
    assert not differing


def test_the_node_referee_is_pinned_and_names_no_registry() -> None:
    text = (ROOT / "tests/wire/wecombot/node/package-lock.json").read_text(encoding="utf-8")
    packages = [found for name, found in json.loads(text)["packages"].items() if name]
    assert packages and all(found["integrity"].startswith("sha512-") for found in packages)
    assert "resolved" not in text and "hasInstallScript" not in text


def test_nobody_is_told_to_install_the_package_of_a_stranger() -> None:
    """`mindbot` on the package index is somebody else's; ours is called mindbotd."""
    assert not [
        where
        for where, line in lines()
        if re.search(r"\bmindbot\[\w|pip install .*\bmindbot\b(?![-_/])", line)
    ]
