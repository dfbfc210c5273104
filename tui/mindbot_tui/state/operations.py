"""The calls of the local API, as its OpenAPI description tells of them."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_EXAMPLES: dict[str, Any] = {
    "string": "",
    "integer": 0,
    "number": 0,
    "boolean": False,
    "array": [],
    "object": {},
}


@dataclass(frozen=True, slots=True)
class Operation:
    """``body`` is one to fill in; of a ``file`` the answer is no JSON."""

    method: str
    path: str
    does: str
    parameters: tuple[tuple[str, str], ...] = ()
    body: Any = None
    file: bool = False

    @property
    def takes(self) -> str:
        names = [name for name, _ in self.parameters if f"{{{name}}}" not in self.path]
        return " ".join([*names, *(["+ body"] if self.body is not None else [])])

    @property
    def line(self) -> str:
        """The call as it is typed, to be filled in."""
        body = "" if self.body is None else f" {json.dumps(self.body, ensure_ascii=False)}"
        return f"{self.method} {self.path}{body}"

    @property
    def curl(self) -> str:
        return curl(self.method, self.path, self.body)


def curl(method: str, target: str, body: Any) -> str:
    """Return a call as a command line."""
    words = ["-X", method] if method != "GET" else []
    if body is not None:
        words += ["-H", "content-type: application/json", "-d", json.dumps(body, ensure_ascii=False)]
    said = shlex.join([*words, f"http://mindbot{target}"])
    return f'curl --unix-socket "$MINDBOT_SOCKET" {said}'


def operations(described: Json) -> list[Operation]:
    """Return the calls of an OpenAPI description, in its order."""
    shapes = described.get("components", {}).get("schemas", {})
    return [
        Operation(
            method.upper(),
            path,
            str(each.get("description") or each.get("summary") or "").partition("\n")[0],
            tuple((p["name"], _about(p)) for p in each.get("parameters", ())),
            _body(each, shapes),
            _is_file(each),
        )
        for path, methods in described.get("paths", {}).items()
        for method, each in methods.items()
        if method.upper() in METHODS
    ]


def read_call(line: str) -> tuple[str, str, Any]:
    """Return method, path with its query, and body of a call as it was typed.

    Raises:
        Invalid: it is none.
    """
    method, _, rest = line.strip().partition(" ")
    target, _, text = rest.strip().partition(" ")
    if method.upper() not in METHODS or not target.startswith("/v1/"):
        raise Invalid(f"{line!r} is no call", hint='GET /v1/status, or POST /v1/turns {"text": "hello"}')
    if "{" in target:
        raise Invalid(f"{target} is not filled in", hint="put a name in place of what stands in braces")
    try:
        body = json.loads(text) if text.strip() else None
    except ValueError as error:
        raise Invalid(f"the body is no JSON: {error}", hint="it stands behind the path") from error
    return method.upper(), target, body


def _about(parameter: Json) -> str:
    shape = parameter.get("schema", {})
    told = [str(shape.get("type", "")), str(parameter.get("description") or "")]
    if "default" in shape:
        told.append(f"({json.dumps(shape['default'], ensure_ascii=False)})")
    return " ".join(filter(None, told))


def _body(operation: Json, shapes: Json) -> Any:
    content = operation.get("requestBody", {}).get("content", {})
    return (
        _example(content["application/json"]["schema"], shapes, 0) if "application/json" in content else None
    )


def _example(shape: Json, shapes: Json, depth: int) -> Any:
    """Return a value of a shape with what it must have, else with all that it may."""
    if "$ref" in shape:
        shape = shapes.get(shape["$ref"].rpartition("/")[2], {})
    if "default" in shape:
        return shape["default"]
    if choices := shape.get("anyOf") or shape.get("oneOf") or shape.get("allOf"):
        return _example(choices[0], shapes, depth)
    if "enum" in shape:
        return shape["enum"][0]
    fields = shape.get("properties")
    if fields and depth < 3:
        wanted = shape.get("required") or list(fields)
        return {name: _example(fields[name], shapes, depth + 1) for name in wanted if name in fields}
    return _EXAMPLES.get(str(shape.get("type")))


def _is_file(operation: Json) -> bool:
    """Whether an answer is no JSON."""
    good = [
        answer for status, answer in operation.get("responses", {}).items() if str(status).startswith("2")
    ]
    kinds = {kind for answer in good for kind in answer.get("content", {})}
    return bool(kinds) and "application/json" not in kinds
