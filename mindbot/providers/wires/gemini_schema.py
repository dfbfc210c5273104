"""The part of JSON Schema that Gemini understands in the parameters of tools. Pure.

Source: Google AI for Developers, API reference, "FunctionDeclaration" and "GenerationConfig"
(``responseJsonSchema`` lists what is supported). Other words make it refuse the request, or are not heeded:
they go, what can be said otherwise is said so, and what is left is more lenient, never stricter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindbot.domain.message import Json

#: Words whose value stays as it is, that hold a schema each, a list of schemas, schemas by name.
_PLAIN = frozenset(
    "$id $ref $anchor type format title description minItems maxItems minimum maximum required"  # noqa: SIM905
    " propertyOrdering".split()
)
_ONE = frozenset({"items", "additionalProperties"})
_SEVERAL = frozenset({"prefixItems", "anyOf", "oneOf"})
_NAMED = frozenset({"$defs", "properties"})
_DEEPEST = 32


def understood(schema: Mapping[str, Any], depth: int = 0) -> Json:
    """Return a schema in the words that Gemini knows."""
    if depth > _DEEPEST:
        return {}
    if isinstance(all_of := schema.get("allOf"), list) and len(all_of) == 1 and isinstance(all_of[0], dict):
        schema = {**schema, "allOf": None, **all_of[0]}
    if isinstance(schema.get("$ref"), str):  # beside it nothing may stand but what begins with "$"
        defined = schema["$ref"].replace("#/definitions/", "#/$defs/")
        schema = {**{name: value for name, value in schema.items() if name.startswith("$")}, "$ref": defined}
    out: Json = {}
    for name, value in schema.items():
        if name in _PLAIN:
            out[name] = value
        elif name in ("enum", "const"):
            values = value if name == "enum" else [value]
            if isinstance(values, list) and all(map(_can_be_listed, values)):
                out["enum"] = values
        elif name == "definitions":
            out["$defs"] = _each(value, depth)
        elif name in _ONE:
            out[name] = _schema(value, depth)
        elif name in _NAMED and isinstance(value, dict):
            out[name] = _each(value, depth)
        elif name in _SEVERAL and isinstance(value, list):
            out[name] = [_schema(each, depth) for each in value]
    return out


def _each(schemas: Any, depth: int) -> Json:
    each = schemas.items() if isinstance(schemas, dict) else ()
    return {name: _schema(value, depth) for name, value in each}


def _can_be_listed(value: Any) -> bool:
    """Tell whether an enum may have this value: text and numbers are understood."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _schema(value: Any, depth: int) -> Any:
    """Return a schema within one; it may be a mere yes or no."""
    return understood(value, depth + 1) if isinstance(value, dict) else value
