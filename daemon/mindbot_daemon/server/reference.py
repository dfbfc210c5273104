"""Write the generated part of the API page: ``python -m mindbot_daemon.server.reference docs/api.md``."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from fastapi.routing import APIRoute

from mindbot.domain.errors import MindBotError
from mindbot.domain.events import CONTROL, QUIET, TOPICS
from mindbot.domain.message import Json
from mindbot.runtime.metrics import METRICS
from mindbot_daemon.server.app import RESOURCES, create_app
from mindbot_daemon.server.deps import ADMIN, OPERATOR, VIEWER
from mindbot_daemon.server.errors import STATUS
from mindbot_daemon.server.roles import Roles
from mindbot_daemon.server.stream.hub import Hub

BEGIN, END = "<!-- generated: make docs -->", "<!-- end of the generated part -->"


def reference() -> str:
    """Return operations, errors, topics and metrics as Markdown."""
    schema = create_app(cast(Any, None), Roles(), Hub()).openapi()
    return "\n".join([*_operations(schema), *_errors(), *_topics(), *_metrics(), *_models(schema)]).rstrip()


def _roles() -> dict[tuple[str, str], str]:
    """The role that each operation takes, by method and path."""
    names = {VIEWER[0].dependency: "viewer", OPERATOR[0].dependency: "operator", ADMIN[0].dependency: "admin"}
    return {
        (method.lower(), f"/v1{route.path_format}"): names.get(each.dependency, "")
        for resource in RESOURCES
        for route in resource.router.routes
        if isinstance(route, APIRoute)
        for each in route.dependencies
        for method in route.methods or ()
    }


def _operations(schema: Json) -> Iterator[str]:
    yield "## Operations"
    yield ""
    yield "| call | role | parameters and body | answer | |"
    yield "|---|---|---|---|---|"
    roles = _roles()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            role = roles.get((method, path), "")
            query = [f"`{p['name']}`" for p in operation.get("parameters", ()) if p["in"] == "query"]
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if body:
                query.append(_type(body["schema"]))
            what = operation["description"].partition("\n")[0]
            cells = (f"`{method.upper()} {path}`", role, ", ".join(query), _answer(operation), what)
            yield f"| {' | '.join(cell.replace('|', '∣') for cell in cells)} |"
    yield ""


def _answer(operation: Json) -> str:
    status, answer = next(iter(operation["responses"].items()))
    content = answer.get("content", {})
    if "application/json" in content:
        return _type(content["application/json"].get("schema", {}))
    return next(iter(content), f"{status}, nothing")


def _type(schema: Json) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    return str(schema.get("type", "anything"))


def _errors() -> Iterator[str]:
    yield "## Errors"
    yield ""
    yield "Every error has the body [Problem](#problem). `kind` is one of these:"
    yield ""
    yield "| kind | status | meaning |"
    yield "|---|---|---|"
    for cls in _kinds(MindBotError):
        status = next(status for most, status in STATUS if issubclass(cls, most))
        meaning = (inspect.getdoc(cls) or "").partition("\n")[0].replace("``", "`")
        if cls is MindBotError:
            meaning = "Anything else; the daemon's log says why."
        yield f"| `{cls.kind}` | {int(status)} | {meaning} |"
    yield "| `too_large` | 413 | The body is over 1 MiB, or a file over 1 GiB. |"
    yield ""
    yield "A body whose fields are missing or of another type is `invalid` with 422; a path that does not"
    yield "exist is `not_found`, a method that it does not have `invalid` with 405."
    yield ""


def _kinds(cls: type[MindBotError]) -> Iterator[type[MindBotError]]:
    """A class of errors and those below it, as far as they have a kind of their own."""
    if "kind" in vars(cls):
        yield cls
    for each in cls.__subclasses__():
        if each.__module__ == cls.__module__:  # others are of the insides of one part
            yield from _kinds(each)


def _topics() -> Iterator[str]:
    yield "## Topics of the event stream"
    yield ""
    yield "| topic | what | without asking | control events |"
    yield "|---|---|---|---|"
    for topic, what in TOPICS.items():
        control = ", ".join(f"`{kind}`" for kind in sorted(CONTROL) if kind.startswith(f"{topic}."))
        yield f"| `{topic}` | {what} | {'yes' if topic in QUIET else ''} | {control} |"
    yield ""


def _metrics() -> Iterator[str]:
    yield "## Metrics"
    yield ""
    yield "What `GET /v1/metrics` tells, for Prometheus. Counters begin with the daemon."
    yield ""
    yield "| metric | kind | labels | what |"
    yield "|---|---|---|---|"
    for metric in METRICS:
        name = f"{metric.name}_total" if metric.kind == "counter" else metric.name
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"| `{name}` | {metric.kind} | {labels} | {metric.help} |"
    yield ""


def _models(schema: Json) -> Iterator[str]:
    yield "## Bodies"
    yield ""
    for name, model in sorted(schema["components"]["schemas"].items()):
        if name.endswith("ValidationError"):
            continue
        yield f"### {name}"
        yield ""
        yield re.sub(r"\s*\n\s*", " ", model.get("description", "")).replace("``", "`").strip()
        yield ""
        fields = [f"`{field}` {_type(each)}" for field, each in model.get("properties", {}).items()]
        if fields:
            yield " · ".join(fields)
            yield ""


def renewed(page: str) -> str:
    """Return the page with its generated part written again."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference()}\n\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
