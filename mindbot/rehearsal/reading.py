"""Reads files of conversations: what is wrong in one is said with its line and its mend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mindbot.config import keys, problems, source, tree
from mindbot.config.sections import Section
from mindbot.config.tree import Finding, Node
from mindbot.domain.errors import ConfigError

S = TypeVar("S", bound=Section)


def read_as(
    model: type[S],
    path: Path,
    *,
    begins: str,
    what: str,
    see: str,
    also: Callable[[Node, S], list[Finding]] = lambda root, read: [],
) -> S:
    """Read a file as a model. ``begins`` is its first section, ``what`` its name in messages, ``see`` where
    it is described; ``also`` finds what else is wrong in one that is well-formed.

    Raises:
        ConfigError: ``problems`` has a line for every finding, each with its place and mend.
    """
    try:
        found = source.read(path, begins=begins)
    except ConfigError as error:
        raise ConfigError(f"{what} cannot be read", hint=see, problems=error.problems) from error
    refused = list(found.problems)
    root = keys.canonical(found.root, model, refused)
    try:
        made = model.model_validate(tree.to_plain(root))
    except ValidationError as error:
        refused += [problems.of(root, model, each) for each in _deepest(error)]
    else:
        refused += also(root, made)
        if not refused:
            return made
    lines = [str(each) for each in sorted(refused, key=lambda each: each.origin.line)]
    count = f"{len(lines)} problem{'s' if len(lines) != 1 else ''}"
    raise ConfigError(f"{what} have {count}", hint=see, problems=lines)


def _deepest(error: ValidationError) -> Iterator[ErrorDetails]:
    """Yield what the model refuses; a list is not empty too because each of its entries is refused."""
    told = error.errors(include_url=False)
    for each in told:
        place = each["loc"]
        inside = any(other["loc"][: len(place)] == place for other in told if other is not each)
        if not (each["type"] == "too_short" and inside):
            yield each
