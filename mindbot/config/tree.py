"""Values with the place each was written: what configuration is between YAML and the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

#: Keys and list indices from the top to a value.
KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was written. Lines and columns count from 1; line 0 means the source as a whole."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Node:
    """A value: a dict or list of nodes, or a scalar. ``key`` is where the key before it was written;
    ``quoted`` whether a scalar's characters begin one column further."""

    value: Any
    origin: Origin
    key: Origin | None = None
    quoted: bool = False

    @property
    def place(self) -> Origin:
        """The place to point at: the key, where there is one."""
        return self.key or self.origin


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to say about a place."""

    origin: Origin
    text: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.text}"


def from_plain(value: Any, origin: Origin) -> Node:
    """Return plain JSON-like data as nodes of one origin."""
    if isinstance(value, Mapping):
        return Node({str(k): from_plain(v, origin) for k, v in value.items()}, origin)
    if isinstance(value, list | tuple):
        return Node([from_plain(v, origin) for v in value], origin)
    return Node(value, origin)


def to_plain(node: Node) -> Any:
    """Return a node's value without origins."""
    if isinstance(node.value, dict):
        return {key: to_plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [to_plain(child) for child in node.value]
    return node.value


def merge(base: Node, over: Node) -> Node:
    """Lay one tree over another: mappings merge key by key, everything else is replaced."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    merged = dict(base.value)
    for key, node in over.value.items():
        merged[key] = merge(merged[key], node) if key in merged else node
    return replace(over, value=merged)


def without_nulls(node: Node) -> Node:
    """Return the tree without keys whose value is null: a key left empty means its default."""
    if isinstance(node.value, dict):
        kept = {k: without_nulls(v) for k, v in node.value.items() if v.value is not None}
        return replace(node, value=kept)
    if isinstance(node.value, list):
        return replace(node, value=[without_nulls(v) for v in node.value])
    return node


def put(node: Node, path: KeyPath, new: Node) -> Node:
    """Return the tree with ``new`` at ``path``; what is in the way, or missing, becomes a mapping."""
    if not path:
        return new
    key, rest = path[0], path[1:]
    if isinstance(node.value, list) and isinstance(key, int) and key < len(node.value):
        items = list(node.value)
        items[key] = put(items[key], rest, new)
        return replace(node, value=items)
    inner: dict[str, Node] = node.value if isinstance(node.value, dict) else {}
    child = inner.get(str(key), Node({}, new.origin))
    return replace(node, value={**inner, str(key): put(child, rest, new)})


def find(node: Node, path: KeyPath) -> tuple[Node, KeyPath, KeyPath]:
    """Follow a path as far as it goes; returns the node, the path to it as written, and what is left.

    An index is passed over where one mapping stands for a list of one.
    """
    written: list[str | int] = []
    for n, key in enumerate(path):
        if isinstance(key, int) and isinstance(node.value, dict):
            continue
        known: Any = dict(_children(node))
        if key in known:
            node = known[key]
        else:
            return node, tuple(written), path[n:]
        written.append(key)
    return node, tuple(written), ()


def leaves(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
    """Yield every scalar, and every empty mapping or list, with its path."""
    children = _children(node)
    if not children:
        yield path, node
    for key, child in children:
        yield from leaves(child, (*path, key))


def _children(node: Node) -> list[tuple[str | int, Node]]:
    if isinstance(node.value, dict):
        return list(node.value.items())
    return list(enumerate(node.value)) if isinstance(node.value, list) else []


def dotted(path: KeyPath) -> str:
    """Return a path as people write it: ``wecom[1].secret``."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text
