"""What the model says about a place in the configuration: which keys it takes, which are secrets."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, SecretStr
from pydantic.fields import FieldInfo

from mindbot.config.entries import Entries
from mindbot.config.tree import Finding, KeyPath, Node, dotted


@cache
def fields(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Return a section's keys as configurations write them, with their fields."""
    return {_spellings(name, info)[0]: info for name, info in model.model_fields.items()}


@cache
def _canonical(model: type[BaseModel]) -> Mapping[str, str]:
    return {
        spelling: _spellings(name, info)[0]
        for name, info in model.model_fields.items()
        for spelling in _spellings(name, info)
    }


def written(model: type[BaseModel], key: str) -> str:
    """Return a key as configurations write it."""
    return _canonical(model).get(key, key)


def _spellings(name: str, info: FieldInfo) -> list[str]:
    alias = info.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias] if alias else []
    return [*(str(c) for c in choices), *([] if name in choices else [name])]


def strip(annotation: Any) -> Any:
    """Return a type without `Annotated` and without "or None"."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, UnionType):
            kept = [a for a in get_args(annotation) if a is not NoneType]
            if len(kept) != 1:
                return annotation
            annotation = kept[0]
        else:
            return annotation


def section(annotation: Any) -> type[BaseModel] | None:
    """Return the model of a section, or None for any other type."""
    kind = strip(annotation)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def child(annotation: Any, key: str | int) -> Any:
    """Return the type below a key or index; None where the model does not say."""
    kind = strip(annotation)
    if (model := section(kind)) is not None:
        info = fields(model).get(_canonical(model).get(str(key), ""))
        return info.annotation if info else None
    if isinstance(kind, type) and issubclass(kind, Entries):
        return kind.of(str(key))
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return arguments[1]
    if get_origin(kind) in (tuple, list):  # of which one mapping may stand for a list of one
        return arguments[0] if isinstance(key, int) else child(arguments[0], key)
    return None


def at(model: type[BaseModel], path: KeyPath) -> Any:
    """Return the type at a path, or None."""
    annotation: Any = model
    for key in path:
        annotation = child(annotation, key)
    return annotation


def field(model: type[BaseModel], path: KeyPath) -> FieldInfo | None:
    """Return the field at a path, or None where there is no field of a section."""
    above = at(model, path[:-1])
    here = section(above) or section(child(above, 0))
    return fields(here).get(str(path[-1])) if here else None


def is_secret(annotation: Any) -> bool:
    """Whether a text at a place is a secret: also where a section stands that a bare text is the key of."""
    kind = strip(annotation)
    return kind is SecretStr or bool(getattr(kind, "bare_secret", False))


def is_collection(annotation: Any) -> bool:
    """Whether a place takes a list or a mapping."""
    kind = strip(annotation)
    if isinstance(kind, type) and issubclass(kind, Entries):
        return True
    return section(kind) is not None or get_origin(kind) in (tuple, list, dict)


def canonical(node: Node, annotation: Any, problems: list[Finding], path: KeyPath = ()) -> Node:
    """Return the tree with each key in its first spelling, so that later files replace what they mean."""
    if isinstance(node.value, list):
        items = [canonical(v, child(annotation, i), problems, (*path, i)) for i, v in enumerate(node.value)]
        return replace(node, value=items)
    if not isinstance(node.value, dict):
        return node
    kind = strip(annotation)
    if get_origin(kind) in (tuple, list):
        kind = strip(get_args(kind)[0])
    model = section(kind)
    found: dict[str, Node] = {}
    for key, value in node.value.items():
        name = _canonical(model).get(key, key) if model else key
        if name in found:
            problems.append(
                Finding(value.place, f"{dotted((*path, name))} is there twice: {key} means the same")
            )
        found[name] = canonical(value, child(kind, key), problems, (*path, name))
    return replace(node, value=found)


def fold(name: str) -> str:
    """Return a name without case, dashes and underscores."""
    return name.replace("-", "").replace("_", "").casefold()


def guess(name: str, known: Sequence[str]) -> str:
    """Return the known name that was probably meant, or an empty text."""
    folded = {fold(k): k for k in known}
    if fold(name) in folded:
        return folded[fold(name)]
    close = difflib.get_close_matches(fold(name), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else ""
