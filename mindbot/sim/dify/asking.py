"""Requests read, and refused as the API does. Source: Service API, the parameters and errors of each call."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.dify.apps import CHATS, DifySimApp, Mode
from mindbot.sim.dify.errors import refused
from mindbot.sim.models.requests import Recorded

_KINDS = frozenset({"image", "document", "audio", "video", "custom"})
#: What is said of an app of another kind, by the kind that an endpoint is for.
_OTHER = {"chat": "not_chat_app", "workflow": "not_workflow_app", "completion": "app_unavailable"}


@dataclass(frozen=True, slots=True)
class DifyCall:
    """One request of an app; ``args`` are the ids in its path."""

    app: DifySimApp
    recorded: Recorded
    args: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> Json:
        return self.recorded.body

    @property
    def query(self) -> dict[str, str]:
        return self.recorded.query

    def user(self) -> str:
        """Return whose request it is; raises ModelApiError where nobody is named."""
        given = self.body.get("user") or self.query.get("user")
        if not isinstance(given, str) or not given:
            raise refused("invalid_param", "user is required")
        return given

    def whole(self, name: str, usual: int, most: int) -> int:
        """Return a whole number of the query; raises ModelApiError."""
        text = self.query.get(name, str(usual))
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise refused("invalid_param", f"{name} must be between 1 and {most}")
        return int(text)

    def number(self, name: str) -> str:
        """Return an id of the query, "" for none; raises ModelApiError when it is no UUID."""
        given = self.query.get(name, "")
        return unique(given) if given else ""


def unique(number: Any) -> str:
    """Return an id that is a UUID; raises ModelApiError for another."""
    try:
        return str(uuid.UUID(str(number)))
    except ValueError as exc:
        raise refused("invalid_param", f"{number} is not a valid UUID.") from exc


def mode_of(app: DifySimApp, family: str, usual: Mode) -> Mode:
    """Return the kind of an app as an endpoint of this family meets it.

    Raises:
        ModelApiError: the app is of another kind.
    """
    if app.mode is None:
        return usual if family == "chat" else "workflow" if family == "workflow" else "completion"
    fits = app.mode in CHATS if family == "chat" else app.mode == family
    if not fits:
        raise refused(_OTHER[family])
    return app.mode


def check_inputs(app: DifySimApp, inputs: Any) -> Json:
    """Return the inputs of a run; raises ModelApiError for those the app does not take."""
    if not isinstance(inputs, dict):
        raise refused("invalid_param", "inputs is required")
    for form in app.user_input_form:
        for kind, variable in form.items():
            name, value = variable.get("variable", ""), inputs.get(variable.get("variable", ""))
            if value in (None, "") and variable.get("required"):
                raise refused("invalid_param", f"{name} is required in input form")
            if value in (None, ""):
                continue
            if kind in ("text-input", "paragraph") and not isinstance(value, str):
                raise refused("invalid_param", f"(type '{kind}') {name} in input form must be a string")
            most = variable.get("max_length") or 0
            if isinstance(value, str) and most and len(value) > most:
                raise refused("invalid_param", f"{name} in input form must be less than {most} characters")
            if kind == "select" and value not in variable.get("options", ()):
                raise refused(
                    "invalid_param",
                    f"{name} in input form must be one of the following: {variable['options']}",
                )
    return inputs


def text_of(app: DifySimApp, inputs: Json) -> str:
    """Return the words among the inputs of a workflow: those called query, else the first text."""
    if isinstance(inputs.get("query"), str):
        return str(inputs["query"])
    wanted = [variable["variable"] for kind in ("paragraph", "text-input") for variable in app.variable(kind)]
    texts = [inputs[name] for name in (*wanted, *inputs) if isinstance(inputs.get(name), str)]
    return texts[0] if texts else ""


def check_files(given: Any, user: str, known: Mapping[str, Json]) -> list[Json]:
    """Return the files of a run; raises ModelApiError for one that nobody uploaded, or somebody else."""
    if not isinstance(given or [], list):
        raise refused("invalid_param", "files must be a list")
    for file in given or ():
        if not isinstance(file, dict) or file.get("type") not in _KINDS:
            raise refused("invalid_param", "Invalid file type")
        if file.get("transfer_method") == "remote_url" and file.get("url"):
            continue
        uploaded = known.get(str(file.get("upload_file_id")))
        if uploaded is None or uploaded["user"] != user:
            raise refused("invalid_param", "Invalid upload file")
    return list(given or ())


_PARAMETER = re.compile(r"\{(\w+)\}")


def pattern(path: str) -> re.Pattern[str]:
    """Return a path with ids in braces as a regular expression."""
    return re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", path))
