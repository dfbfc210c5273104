"""Turns what the model refuses into lines that say where, what, and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from mindbot.config import keys, parts, tree
from mindbot.config.model import Config
from mindbot.config.tree import Finding, KeyPath, Node
from mindbot.telemetry.redaction import is_secret_name, redactor

#: Between the words of EncodingAESKey.
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NUMBER = "should be a whole number"
_WANTED: Mapping[str, str] = {
    "string_type": "should be text; put it in quotes",
    "int_type": _NUMBER,
    "int_parsing": _NUMBER,
    "int_parsing_size": _NUMBER,
    "int_from_float": _NUMBER,
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "finite_number": "should be a number",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "model_type": "should be a section: keys with values below it",
    "model_attributes_type": "should be a section: keys with values below it",
    "dict_type": "should be a section: names with values below them",
    "tuple_type": "should be a list",
    "list_type": "should be a list",
    "string_too_short": "is empty",
    "too_short": "is empty",
    "string_pattern_mismatch": "should be letters, digits, - and _",
}


def of(root: Node, model: type[BaseModel], error: ErrorDetails) -> Finding:
    """Return the finding for one of the model's errors: a configuration's, or another file's."""
    node, written, rest = tree.find(root, error["loc"])
    if error["type"] == "missing":
        return _missing(root, model, node, written, rest)
    if error["type"] == "extra_forbidden":
        return _unknown(root, model, node, written)
    path = tree.dotted((*written, *rest))
    return Finding(node.origin, f"{path} {_what(error)}{_shown(model, node, error)}")


def _missing(root: Node, config: type[BaseModel], node: Node, written: KeyPath, rest: KeyPath) -> Finding:
    path = (*written, *rest)
    key = str(path[-1])
    model = _section_at(config, path[:-1])
    if model:  # a default that is refused is named as the model's field
        key = keys.written(model, key)
        path = (*path[:-1], key)
    info = keys.fields(model).get(key) if model else None
    secret = info is not None and keys.is_secret(info.annotation)
    example = f'"keyring:{secret_name(root, path)}"' if secret else "…"
    meaning = f" ({info.description.rstrip('.')})" if info and info.description else ""
    return Finding(node.place, f"{tree.dotted(path)} is missing{meaning}. Add `{key}: {example}`")


def _section_at(config: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """Return the model of the section at a path; one mapping may stand for a list of one."""
    where = keys.at(config, path)
    return keys.section(where) or keys.section(keys.child(where, 0))


def _unknown(root: Node, config: type[BaseModel], node: Node, written: KeyPath) -> Finding:
    key = str(written[-1])
    if len(written) == 3 and written[0] == "providers" and (types := parts.types_with(key)):
        this = parts.type_of(str(written[1]), tree.find(root, written[:-1])[0])
        what = f"{tree.dotted(written)} is for the type {' or '.join(types)}, and this is {this}; remove it"
        return Finding(node.origin, what)
    model = _section_at(config, written[:-1])
    known = list(keys.fields(model)) if model else []
    if model is config and issubclass(config, Config):
        known += [name for name in parts.section_names() if name not in known]
    if meant := keys.guess(key, known):
        mend = f"Did you mean {meant}?"
    else:
        mend = f"Known here: {', '.join(known)}" if known else "Remove it"
    return Finding(node.place, f"{tree.dotted(written)} is no known key. {mend}")


def _what(error: ErrorDetails) -> str:
    kind = error["type"]
    if kind == "literal_error":
        expected = str(error.get("ctx", {}).get("expected", "")).replace("'", "")
        meant = keys.guess(
            str(error["input"]), [e.strip() for e in expected.replace(" or ", ", ").split(",")]
        )
        return f"should be {expected}" + (f"; did you mean {meant}?" if meant else "")
    if kind == "value_error":
        return error["msg"].removeprefix("Value error, ")
    return _WANTED.get(kind) or error["msg"].replace("Input should", "should").replace(
        "String should", "should"
    )


def _shown(config: type[BaseModel], node: Node, error: ErrorDetails) -> str:
    """Show what is there, unless it is, or may be, a secret."""
    value = error["input"]
    where = keys.at(config, error["loc"])
    hidden = where is None or keys.is_secret(where) or any(is_secret_name(key) for key in error["loc"])
    if hidden or isinstance(value, dict | list | tuple) or value is None:
        return ""
    text = redactor.redact(repr(value))
    return f" (it is {text if len(text) <= 60 else text[:57] + '…'})"


def secret_name(root: Node, path: KeyPath) -> str:
    """Return a good name for the secret at a path: ``wecom-secret``; in a list ``wecom-hr-secret``.

    An entry of a list gives its name, or its number where it has none and is not the first.
    """
    names: list[str] = []
    for n, key in enumerate(path):
        if isinstance(key, str):
            names.append(_WORDS.sub("-", key))
        else:
            entry = tree.find(root, path[: n + 1])[0].value
            name = entry.get("name") if isinstance(entry, dict) else None
            names.append(str(name.value) if name and name.value else str(key + 1) if key else "")
    return re.sub(r"[^a-z0-9.-]+", "-", "-".join(filter(None, names)).lower()).strip("-.") or "secret"
