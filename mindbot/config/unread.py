"""Settings that configurations hold already and that this version does not read: a mark on each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from mindbot import registry
from mindbot.config import keys, tree
from mindbot.config.tree import Finding, KeyPath, Node

_WORDS, _READER = "unread", "unread_without"


def unread_field(*default: Any, instead: str, runner: str = "", stage: str = "", **more: Any) -> Any:
    """Return pydantic's ``Field`` of a setting that nothing reads; ``instead`` says what is done.

    With ``runner`` or ``stage`` it is read where a runner or a stage of that name is installed.
    """
    reader = f"runners.{runner}" if runner else f"stages.{stage}" if stage else ""
    return Field(*default, json_schema_extra={_WORDS: instead, _READER: reader}, **more)


def instead_of(info: FieldInfo) -> str:
    """Return what happens instead of what a setting says; empty for one that is read."""
    extra = info.json_schema_extra
    if not isinstance(extra, dict) or not extra.get(_WORDS):
        return ""
    group, _, name = str(extra.get(_READER, "")).partition(".")
    return "" if name and name in registry.names(group) else str(extra[_WORDS])


def unread(root: Node, model: type[BaseModel]) -> list[Finding]:
    """Return a warning for each setting of a configuration that is written and not read."""
    return list(_below(root, model, ()))


def _below(node: Node, model: type[BaseModel], path: KeyPath) -> Iterator[Finding]:
    if not isinstance(node.value, dict):
        return
    for key, child in node.value.items():
        info = keys.fields(model).get(key)
        if info is None or child.value in (None, {}, []):
            continue
        here = (*path, key)
        if instead := instead_of(info):
            verb = "are" if key.endswith("s") else "is"
            what = f"{tree.dotted(here)} {verb} not read by this version. {instead}"
            yield Finding(child.origin, what)
        elif (section := keys.section(info.annotation)) is not None:
            yield from _below(child, section, here)
