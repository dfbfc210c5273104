"""Finds, merges and checks the configuration: YAML files, then the environment, then flags."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mindbot.config import (
    addresses,
    checks,
    environment,
    keys,
    parts,
    problems,
    route_checks,
    source,
    spending_checks,
    tree,
    workflow_checks,
)
from mindbot.config.clashes import clashes
from mindbot.config.model import Config
from mindbot.config.paths import config_candidates
from mindbot.config.tree import Finding, KeyPath, Node, Origin
from mindbot.domain.errors import ConfigError

BUILT_IN = Origin("built-in default")
FLAGS = Origin("command line")

#: Sections of `agent` that are laid over top-level ones, while loading.
OVERLAYS: tuple[tuple[KeyPath, str], ...] = (
    (("agent", "providers"), "providers"),
    (("agent", "workflows", "workflows"), "workflows"),
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked configuration.

    ``warnings`` are lines with place and mend; ``origins`` says where each value that is no default was
    written, by dotted key; ``files`` are those that were read, later ones having won. ``broken`` are those of
    the warnings that tell of parts which cannot be loaded: nothing of theirs works.
    """

    config: Config
    warnings: list[str] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def load(
    paths: Sequence[Path | str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    strict: bool = False,
) -> Loaded:
    """Load and check the configuration. Reads files; resolves no secret.

    Args:
        paths: files to merge, later ones win; without any the usual places are searched.
        environ: environment variables; None takes the process's.
        overrides: nested values that win over everything.
        strict: refuse plain secrets.

    Raises:
        ConfigError: ``problems`` has a line for every finding, each with its place and mend.
    """
    environ = os.environ if environ is None else environ
    files = [Path(p) for p in paths] if paths else find(environ)
    found = checks.Findings()
    root = _overlaid(_read(files, found))
    root = environment.apply(root, environ, OVERLAYS, found)
    if overrides:
        root = tree.merge(root, _overlaid(_canonical(root, tree.from_plain(overrides, FLAGS), found)))
    if not files and "providers" not in root.value:
        root = tree.merge(root, tree.from_plain({"providers": {"scripted": {}}}, BUILT_IN))
    root, config = _checked(root, environ, found, strict=strict)
    if config is None or found.problems:
        lines = list(dict.fromkeys(str(each) for each in _in_order(found.looks + found.problems, files)))
        count = f"{len(lines)} problem{'s' if len(lines) != 1 else ''}"
        raise ConfigError(
            f"the configuration has {count}", hint="`mindbot config schema` lists every key", problems=lines
        )
    checks.names(root, config, found)
    found.warnings += spending_checks.warnings(root, config)
    found.warnings += route_checks.warnings(root, config)
    found.warnings += workflow_checks.warnings(root, config)
    checks.answerers(root, config, found)
    broken = [Finding(tree.find(root, path)[0].place, what) for path, what in parts.broken(config)]
    origins = {tree.dotted(path): str(node.place) for path, node in tree.leaves(root) if path}
    warnings = list(dict.fromkeys(str(each) for each in _in_order(found.warnings + broken, files)))
    return Loaded(config, warnings, origins, files, [str(each) for each in broken])


def _checked(
    root: Node, environ: Mapping[str, str], found: checks.Findings, *, strict: bool
) -> tuple[Node, Config | None]:
    """Return the tree as it is meant and its model, or None where there are problems."""
    model = parts.model_for(root)
    checks.empty(root, model, found)
    root = checks.references(tree.without_nulls(root), environ, found, model)
    model = parts.model_for(root)  # a type may have been a reference
    root = keys.canonical(root, model, found.problems)
    checks.bot_names(root, model, found)
    checks.entry_names(root, found)
    checks.plain_secrets(root, model, found, refuse=strict)
    checks.credentials(root, model, found)
    checks.open_files(root, model, found)
    root = addresses.mended(root, model, found.warnings)
    addresses.credentials(root, model, found.problems, found.warnings)
    config = _validated(root, model, found)
    if config is not None:
        clashes(root, config, found)
    return root, config


def find(environ: Mapping[str, str]) -> list[Path]:
    """Return the files in use when none is named: ``$MINDBOT_CONFIG``'s, else the first of the usual ones."""
    if named := [Path(p) for p in environ.get("MINDBOT_CONFIG", "").split(os.pathsep) if p]:
        return named
    for path in config_candidates(environ):
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            pass  # it is there and cannot be looked at: reading it says why
        return [path]
    return []


def _read(files: Sequence[Path], found: checks.Findings) -> Node:
    """Read and merge the files; all that cannot be read are named in one error."""
    root = Node({}, BUILT_IN)
    unreadable: list[str] = []
    for file in files:
        try:
            read = source.read(file)
        except ConfigError as error:
            unreadable += error.problems
            continue
        found.problems += read.problems
        found.warnings += read.warnings
        found.looks += read.looks
        if not read.root.value and not read.problems:
            what = "holds no settings: no bot, and no provider that answers. Is it the right file?"
            found.warnings.append(Finding(Origin(str(file)), what))
        root = tree.merge(root, _canonical(root, read.root, found))
    if unreadable:
        lines = [*unreadable, *(str(p) for p in found.problems)]
        raise ConfigError("the configuration cannot be read", problems=lines)
    return root


def _canonical(base: Node, over: Node, found: checks.Findings) -> Node:
    """Return what is laid over a tree, with each key in its first spelling."""
    return keys.canonical(over, parts.model_for(tree.merge(base, over)), found.problems)


def _overlaid(root: Node) -> Node:
    """Lay ``agent.providers`` and ``agent.workflows.workflows`` over the top-level sections."""
    for path, name in OVERLAYS:
        node, _, rest = tree.find(root, path)
        if rest or not isinstance(node.value, dict):
            continue
        over = Node({name: replace(node, value=_detailed(root.value.get(name), node))}, node.origin)
        root = tree.merge(tree.put(root, path, replace(node, value={})), over)
    return root


def _detailed(base: Node | None, over: Node) -> dict[str, Node]:
    """Where the overlay lists models or workflows by name alone, keep what the top level says of them."""
    result: dict[str, Node] = {}
    for name, entry in over.value.items():
        known = base.value.get(name) if base and isinstance(base.value, dict) else None
        if known and isinstance(known.value, dict) and isinstance(entry.value, dict):
            lists = {k: _named(known.value.get(k), v) for k, v in entry.value.items()}
            entry = replace(entry, value=lists)
        result[name] = entry
    return result


def _named(base: Node | None, over: Node) -> Node:
    if base is None or not isinstance(base.value, list) or not isinstance(over.value, list):
        return over
    details = {
        item.value["name"].value: item
        for item in base.value
        if isinstance(item.value, dict) and "name" in item.value and isinstance(item.value["name"].value, str)
    }
    items = [details.get(i.value, i) if isinstance(i.value, str) else i for i in over.value]
    return replace(over, value=items)


def _validated(root: Node, model: type[Config], found: checks.Findings) -> Config | None:
    try:
        return model.model_validate(tree.to_plain(root))
    except ValidationError as error:
        found.problems += [problems.of(root, model, e) for e in error.errors(include_url=False)]
        return None


def _in_order(findings: Sequence[Finding], files: Sequence[Path]) -> list[Finding]:
    """Sort by file as given, then line; what is in no file comes last."""
    order = {str(file): n for n, file in enumerate(files)}
    return sorted(findings, key=lambda f: (order.get(f.origin.source, len(order)), f.origin.line))
