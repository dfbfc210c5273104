"""Inside the platforms a class name says which class is meant, wherever it is read."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import mindbot.platforms

FOLDER = Path(mindbot.platforms.__file__).parent


def test_no_public_class_name_is_there_twice() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(FOLDER.rglob("*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(file.relative_to(FOLDER)))
    assert {name: files for name, files in found.items() if len(files) > 1} == {}
