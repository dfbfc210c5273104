"""Pages and the starter call each secret what the check would call it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mindbot.config import keys, references, schema, source, tree
from mindbot.config.parts import whole
from mindbot.config.problems import secret_name
from mindbot.domain.errors import ConfigError

HOME = Path(__file__).parents[3]
PAGES = [HOME / "README.md", *sorted((HOME / "docs").rglob("*.md"))]
_YAML = re.compile(r"^( *)```yaml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_SET = re.compile(r"mindbot secret set ([a-z][\w.-]+)(?:.*# and (.+))?")


def named(text: str) -> dict[str, str]:
    """Return each secret's name in a configuration, and what the check calls it."""
    root = keys.canonical(source.parse(text, "page").root, whole(), [])
    found = {}
    for path, node in tree.leaves(root):
        if isinstance(node.value, str) and (reference := references.named(node.value)):
            found[reference[1]] = secret_name(root, path)
    return found


def examples(page: Path) -> dict[str, str]:
    found = {}
    for indent, block in _YAML.findall(page.read_text(encoding="utf-8")):
        try:
            found.update(named(re.sub(f"^{indent}", "", block, flags=re.MULTILINE)))
        except ConfigError:
            continue  # a part of a file, or with dots where values belong
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_secrets_as_the_check_does(page: Path) -> None:
    found = examples(page)
    assert found == {name: name for name in found.values()}
    for first, others in _SET.findall(page.read_text(encoding="utf-8")):
        assert {first, *filter(None, others.split(", "))} <= set(found) | set(of_the_starter()[1])


def test_there_are_such_pages() -> None:
    assert {"wecom-encoding-aes-key", "dingtalk-client-secret"} <= set(examples(HOME / "README.md"))


def of_the_starter() -> tuple[set[str], dict[str, str]]:
    """Return the secrets that the starter names, and what the check calls those of its sections."""
    text = Path(schema.__file__).with_name("starter.yaml").read_text(encoding="utf-8")
    names = re.findall(r'^# +(\w+): "keyring:(.+)"', text, re.MULTILINE)
    parts = [re.sub(r"^# ?", "", part, flags=re.MULTILINE) for part in re.split(r"\n\n", text)]
    found: dict[str, str] = {}
    for part in parts:
        if start := re.search(r"^\w+:$", part, re.MULTILINE):
            found.update(named(part[start.start() :]))
    return {name for _, name in names}, found


def test_the_starter_does() -> None:
    names, found = of_the_starter()
    assert found == {name: name for name in found} and names <= set(found)
