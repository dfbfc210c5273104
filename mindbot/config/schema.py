"""The configuration's JSON Schema, for editors, and its tables, for the documentation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from mindbot.config import keys
from mindbot.config.entries import Entries
from mindbot.config.model import Config
from mindbot.config.models import ProviderSettings
from mindbot.config.parts import whole
from mindbot.config.restart import needs_restart
from mindbot.config.types import Rate, parse_duration
from mindbot.config.unread import instead_of

_REFERENCE = {"type": "string", "pattern": r"\$\{"}
_BEGIN, _END = "<!-- sections: written by make docs -->", "<!-- end of sections -->"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a configuration file."""
    found: dict[str, Any] = _with_references(whole().model_json_schema(by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": "mindbot.yaml"}


def _with_references(schema: Any) -> Any:
    """Numbers and switches may be written ``${ENV}`` too."""
    if isinstance(schema, list):
        return [_with_references(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _with_references(value) for key, value in schema.items()}
    if inner.get("type") in ("integer", "number", "boolean") and "anyOf" not in inner:
        told = {k: inner.pop(k) for k in ("title", "description", "default") if k in inner}
        return {"anyOf": [inner, _REFERENCE], **told}
    return inner


def tables() -> str:
    """Return a Markdown table for every section."""
    parts: list[str] = []
    for title, model in _sections():
        found = _own(model).items()
        if not found:
            continue
        rows = [[f"`{key}`", _default(info), _meaning(info)] for key, info in found]
        head = ["key", "default", "meaning"]
        if any(needs_restart(info) for _, info in found):
            head.append("restart")
            for row, (_, info) in zip(rows, found, strict=True):
                row.append("yes" if needs_restart(info) else "")
        lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
        lines.insert(1, "|---" * len(head) + "|")
        parts.append("\n".join([f"### `{title}`", "", *_said(model), *lines]))
    return "\n\n".join(parts)


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield each section once, with the key it is first found under; the top level comes first."""
    config = whole()
    waiting: list[tuple[str, type[BaseModel]]] = [("top level", config)]
    seen: set[type[BaseModel]] = set()
    while waiting:
        title, model = waiting.pop(0)
        if model in seen:
            continue
        seen.add(model)
        yield title, model
        below = []
        for key, info in keys.fields(model).items():
            path = key if model is config else f"{title}.{key}"
            below += _inner(info.annotation, path)
        waiting = waiting + below if model is config else below + waiting


def _inner(annotation: Any, path: str) -> list[tuple[str, type[BaseModel]]]:
    kind = keys.strip(annotation)
    if (model := keys.section(kind)) is not None:
        return [(path, model)]
    if isinstance(kind, type) and issubclass(kind, Entries):
        own = [(f"{path}.NAME ({name})", model) for name, model in kind.models.items()]
        return [(f"{path}.NAME", kind.other), *own]
    if get_origin(kind) is dict:
        return _inner(get_args(kind)[1], f"{path}.NAME")
    if get_origin(kind) is tuple:
        return _inner(get_args(kind)[0], path)
    return []


def _own(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a section's keys; of the types of providers those that not all have."""
    common = set(keys.fields(ProviderSettings))
    if not issubclass(model, ProviderSettings) or model is ProviderSettings:
        common = set()
    return {key: info for key, info in keys.fields(model).items() if key not in common}


def _said(model: type[BaseModel]) -> list[str]:
    text = " ".join((model.__doc__ or "").split())
    return [text, ""] if text and not issubclass(model, Config) else []


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "**required**"
    value = info.get_default(call_default_factory=True)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if any(isinstance(m, BeforeValidator) and m.func is parse_duration for m in info.metadata):
        return f"`{_duration(value)}`"
    if isinstance(value, str | int | float | Rate) and value != "":
        return f"`{_number(value)}`"
    return ""


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds * 1000:g}ms"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _meaning(info: FieldInfo) -> str:
    inner = _inner(info.annotation, "")
    text = info.description or (inner and (inner[0][1].__doc__ or "").split("\n")[0]) or ""
    if instead := instead_of(info):
        text += f" *Not read by this version.* {instead}."
    return text.replace("|", "\\|")


def main(file: Path) -> None:
    """Write the tables into a document, between their marks."""
    text = file.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    file.write_text(f"{before}{_BEGIN}\n\n{tables()}\n\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
