"""Settings that only a restart applies: a mark on each, and which of them wait for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from mindbot.config import keys, tree
from mindbot.config.tree import KeyPath

_MARK = "restart"


def restart_field(*default: Any, **more: Any) -> Any:
    """Return pydantic's ``Field`` of a setting that is read when the daemon starts, and not again."""
    return Field(*default, json_schema_extra={_MARK: True}, **more)


def needs_restart(info: FieldInfo) -> bool:
    """Tell whether only a restart applies a setting."""
    return isinstance(info.json_schema_extra, dict) and bool(info.json_schema_extra.get(_MARK))


def waiting(in_force: BaseModel, written: BaseModel) -> list[str]:
    """Return the settings, dotted, in which a configuration differs from what the daemon started with and
    that only a restart applies."""
    return [tree.dotted(path) for path in _differing(in_force, written, ())]


def _differing(old: BaseModel, new: BaseModel, above: KeyPath) -> Iterator[KeyPath]:
    kind = type(new)
    for name, (key, info) in zip(kind.model_fields, keys.fields(kind).items(), strict=True):
        was, now, path = getattr(old, name, None), getattr(new, name), (*above, key)
        if needs_restart(info):
            if was != now:
                yield path
        elif isinstance(was, BaseModel) and isinstance(now, BaseModel):
            yield from _differing(was, now, path)
