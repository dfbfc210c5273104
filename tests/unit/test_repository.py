"""What must hold for the repository as a whole: its documents, packaging and what must not be in it."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from mindbot.cli.lazy import COMMANDS, load

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


@pytest.mark.parametrize("lock", LOCKS)
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


def test_links_between_documents_lead_somewhere() -> None:
    links = [
        (path, target)
        for path in files(".md")
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    ]
    assert not [
        (p, target) for p, target in links if "://" not in target and not (p.parent / target).exists()
    ]


def code(path: Path) -> list[str]:
    """Return the lines of a document's code blocks, and its inline code."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"(?<!`)`([^`\n]+)`", text)


def test_make_targets_that_documents_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = [re.match(r"make ([a-z][a-z -]*?)(?:  |$)", line) for path in files(".md") for line in code(path)]
    assert not {target for match in named if match for target in match[1].split()} - targets


def shown_commands() -> list[str]:
    """Return the commands that the README shows."""
    shown = (re.match(r"(?:\$ )?(?:\S*/)?mindbot +([a-z].*)", line) for line in code(ROOT / "README.md"))
    return [match[1] for match in shown if match]


@pytest.mark.parametrize("shown", shown_commands())
def test_a_command_of_the_readme_exists(shown: str) -> None:
    words = re.split(r"  +| #", shown)[0].split()
    name, *rest = words
    assert name in COMMANDS
    known, remaining = options_and_rest(load(name), rest)
    used = {word.partition("=")[0] for word in remaining if word.startswith("--")}
    assert used <= known


def options_and_rest(command: Any, words: list[str]) -> tuple[set[str], list[str]]:
    """Follow the words through subcommands; return the last one's options and the words after it."""
    while getattr(command, "commands", None) and words and not words[0].startswith("-"):
        alternatives = [command.commands.get(word) for word in words[0].split("|")]
        assert all(alternatives), f"no subcommand {words[0]}"
        command, words = alternatives[0], words[1:]
    return {"--help", *(opt for param in command.params for opt in param.opts)}, words
