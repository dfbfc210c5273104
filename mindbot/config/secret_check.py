"""Finds the secrets that a configuration needs and nobody can read, before a user waits for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr

from mindbot.config import keys, tree
from mindbot.config.load import Loaded
from mindbot.config.secrets import SecretLookup
from mindbot.config.tree import KeyPath
from mindbot.domain.errors import SecretError


def unreadable(loaded: Loaded, secrets: SecretLookup) -> list[str]:
    """Return a line with place, reason and mend for each secret that cannot be read. May block.

    What is disabled needs none.
    """
    found = []
    for path, secret in _needed(loaded.config):
        try:
            secrets.get(secret)
        except SecretError as error:
            key = tree.dotted(path)
            single = tree.dotted(tuple(each for each in path if not isinstance(each, int)))
            key = key if key in loaded.origins else single  # one section stands for a list of one
            place = loaded.origins.get(key)
            found.append(f"{place}: {key}: {error}" if place else f"{key}: {error}")
    return found


def _needed(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, SecretStr]]:
    if isinstance(value, SecretStr):
        if value.get_secret_value():
            yield path, value
        return
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, BaseModel):
        if getattr(value, "enabled", True) is False:
            return
        names = zip(type(value).model_fields, keys.fields(type(value)), strict=True)
        children = [(key, getattr(value, name)) for name, key in names]
    elif isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list | tuple):
        children = list(enumerate(value))
    for key, child in children:
        yield from _needed(child, (*path, key))
