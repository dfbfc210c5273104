"""The effective configuration for people and programs: every value, secrets masked, and where it is from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr

from mindbot.config import keys, references, tree
from mindbot.config.load import Loaded
from mindbot.config.model import Config
from mindbot.config.tree import KeyPath
from mindbot.config.types import Rate
from mindbot.telemetry.redaction import MASK, redactor

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Row:
    """One value; ``origin`` is file:line:column, a variable, or ``default``."""

    key: str
    value: Any
    origin: str


def rows(loaded: Loaded) -> list[Row]:
    """Return every effective value in the model's order."""
    return [Row(key, value, _origin(loaded, path)) for path, key, value in _flat(loaded.config)]


def nested(value: Any) -> Any:
    """Return a configuration, or a part of it, as JSON with its secrets masked."""
    if isinstance(value, BaseModel):
        names = {key: getattr(value, name) for name, key in _names(type(value)).items()}
        return {key: nested(v) for key, v in names.items()}
    if isinstance(value, dict):
        return {key: nested(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [nested(v) for v in value]
    if isinstance(value, SecretStr):
        return shown(value)
    if isinstance(value, Rate):
        return str(value)
    return redactor.redact(value)


def shown(secret: SecretStr) -> str:
    """Show a reference as it is, and a secret not at all."""
    text = secret.get_secret_value()
    if references.named(text):
        return text
    return references.without_defaults(text) if references.only_variables(text) else MASK


def differences(old: Config, new: Config) -> Iterator[tuple[str, Any, Any]]:
    """Yield (key, old value, new value) of what differs; None where there is none."""
    before = {path: (key, value) for path, key, value in _flat(old, raw=True)}
    after = {path: (key, value) for path, key, value in _flat(new, raw=True)}
    for path in [*before, *(p for p in after if p not in before)]:
        key, was = before.get(path, (after.get(path, ("",))[0], None))
        now = after.get(path, (key, None))[1]
        was, now = (None if v in ({}, (), []) else v for v in (was, now))
        if was != now:
            yield key, nested(was), nested(now)


def _names(model: type[BaseModel]) -> dict[str, str]:
    return dict(zip(model.model_fields, keys.fields(model), strict=True))


def _flat(value: Any, path: KeyPath = (), *, raw: bool = False) -> Iterator[tuple[KeyPath, str, Any]]:
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, BaseModel):
        children = [(key, getattr(value, name)) for name, key in _names(type(value)).items()]
    elif isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list | tuple) and any(isinstance(v, BaseModel | dict) for v in value):
        children = list(enumerate(value))
    if not children:
        yield path, tree.dotted(path), value if raw else nested(value)
    for key, child in children:
        yield from _flat(child, (*path, key), raw=raw)


def _origin(loaded: Loaded, path: KeyPath) -> str:
    """Look a place up with and without the index of a list of one, then by its first entry."""
    single = tuple(key for key in path if not isinstance(key, int))
    candidates: list[KeyPath] = [path, single, (*path, 0), (*single, 0)]
    for candidate in candidates:
        if origin := loaded.origins.get(tree.dotted(candidate)):
            return origin
    return DEFAULT
