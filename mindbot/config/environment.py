"""Reads ``MINDBOT__SECTION__KEY=value`` from the environment: over the files, under the flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mindbot.config import checks, keys, parts, source, tree
from mindbot.config.model import Config
from mindbot.config.tree import Finding, KeyPath, Node, Origin
from mindbot.domain.errors import ConfigError

PREFIX = "MINDBOT__"


def apply(
    root: Node,
    environ: Mapping[str, str],
    overlays: Sequence[tuple[KeyPath, str]],
    found: checks.Findings,
) -> Node:
    """Return the tree with the environment's values in it."""
    for variable in sorted(environ, key=_types_first):
        if not variable.startswith(PREFIX):
            continue
        origin = Origin(f"${variable}")
        words = variable[len(PREFIX) :].split("__")
        if not all(words):
            found.problems.append(Finding(origin, f"an empty name. Write {PREFIX}SECTION__KEY"))
            continue
        for inner, outer in overlays:
            if tuple(word.lower() for word in words[: len(inner)]) == inner:
                words = [outer, *words[len(inner) :]]
        model = parts.model_for(_with(root, words, origin))
        path = _path(root, words, model)
        root = tree.put(root, path, _value(environ[variable], keys.at(model, path), origin, found))
    return root


def _types_first(variable: str) -> tuple[bool, str]:
    """What an entry's other keys mean depends on its type."""
    return not variable.endswith("__TYPE"), variable


def _with(root: Node, words: Sequence[str], origin: Origin) -> Node:
    """Return the tree with the section that is meant, so that its part is asked for its keys."""
    known = [*root.value, *parts.section_names()]
    name = next((key for key in known if keys.fold(key) == keys.fold(words[0])), "")
    if not name or name in root.value:
        return root
    return replace(root, value={**root.value, name: Node({}, origin)})


def _path(root: Node, words: Sequence[str], model: type[Config]) -> KeyPath:
    """Find each word among the keys there, the keys that could be, and the names of a list's entries."""
    annotation: Any = model
    node: Node | None = root
    path: list[str | int] = []
    for word in words:
        key = _key(node, annotation, word)
        path.append(key)
        annotation = keys.child(annotation, key)
        value: Any = node.value if node else None
        if isinstance(value, list) and isinstance(key, int):
            node = value[key]
        else:
            node = value.get(key) if isinstance(value, dict) else None
    return tuple(path)


def _key(node: Node | None, annotation: Any, word: str) -> str | int:
    if node is not None and isinstance(node.value, list):
        if word.isdecimal() and int(word) < len(node.value):
            return int(word)
        for n, item in enumerate(node.value):
            name = item.value.get("name") if isinstance(item.value, dict) else None
            if isinstance(name, Node) and keys.fold(str(name.value)) == keys.fold(word):
                return n
    model = keys.section(annotation) or keys.section(keys.child(annotation, 0))
    known = list(keys.fields(model)) if model else []
    if node is not None and isinstance(node.value, dict):
        known += node.value
    return next((k for k in known if keys.fold(k) == keys.fold(word)), word.lower())


def _value(text: str, annotation: Any, origin: Origin, found: checks.Findings) -> Node:
    """A list or section is written as in YAML, or as words with commas between; all else is text."""
    if not keys.is_collection(annotation):
        return Node(text, origin)
    if text.lstrip()[:1] in ("[", "{"):
        try:
            read = source.parse(f"value: {text}", origin.source)
        except ConfigError as error:
            found.problems.append(Finding(origin, f"is no list or mapping: {'; '.join(error.problems)}"))
            return Node(None, origin)
        found.problems += read.problems
        return tree.from_plain(tree.to_plain(read.root.value["value"]), origin)
    words = [word.strip() for word in text.split(",")]
    return tree.from_plain([word for word in words if word], origin)
