"""One word, one thing: a public class name stands once in a group of packages."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def classes(package: Path) -> dict[str, list[str]]:
    """Return where each public class of a package is defined, by its name."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(package.rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(file.relative_to(ROOT)))
    return found


@pytest.mark.full
@pytest.mark.parametrize("package", ["mindbot", "daemon/mindbot_daemon", "tui/mindbot_tui"])
def test_a_public_class_name_stands_once(package: str) -> None:
    twice = {name: where for name, where in classes(ROOT / package).items() if len(where) > 1}
    assert not twice, f"name one of each for what it is: {twice}"
