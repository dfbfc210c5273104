"""What an app is asked with: inputs, where the text goes, files. Source: Service API, "Get parameters"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mindbot.domain.message import Json
from mindbot.providers.wires.dify_wire import NO_WORDS, Uploaded, named_file
from mindbot.workflows.apps import AppCall
from mindbot.workflows.asked import to_upload

#: The input that is told the text where neither the settings nor the app name another.
QUERY = "query"
_TEXTS = frozenset({"text-input", "paragraph"})
_FILES = frozenset({"file", "file-list"})


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of an app's form. ``kind`` is the form's word: text-input, paragraph, file-list, …"""

    name: str
    kind: str
    required: bool


def variables(parameters: Any) -> tuple[Variable, ...]:
    """Return the variables of ``/parameters``; what cannot be read is left out."""
    form = parameters.get("user_input_form") if isinstance(parameters, dict) else None
    found = []
    for entry in form if isinstance(form, list) else ():
        for kind, field in entry.items() if isinstance(entry, dict) else ():
            if isinstance(field, dict) and isinstance(name := field.get("variable"), str) and name:
                found.append(Variable(name, kind, field.get("required") is True))
    return tuple(found)


def text_variable(form: Sequence[Variable], given: Mapping[str, Any]) -> str:
    """Return the input that is told the text: ``query``, or the only text that is required and not given."""
    texts = [each for each in form if each.kind in _TEXTS and each.name not in given]
    if any(each.name == QUERY for each in texts):
        return QUERY
    required = [each.name for each in texts if each.required]
    if len(required) == 1:
        return required[0]
    return texts[0].name if len(texts) == 1 else QUERY


def body_of(
    call: AppCall,
    inputs: Json,
    *,
    text_input: str,
    form: Sequence[Variable],
    files: Uploaded,
    chat: bool,
) -> Json:
    """Return the body of a run. ``chat``: the text is the question of a chat; else it is an input."""
    inputs = dict(inputs)
    if text_input:
        inputs[text_input] = call.text
    body: Json = {"inputs": inputs, "user": call.user, "response_mode": "streaming"}
    if chat:
        body |= {"query": call.text if call.text.strip() else NO_WORDS, "auto_generate_name": False}
    needed = to_upload(call.files)
    sent = [each for each in call.files if each in files or each not in needed]
    if named := [named_file(each, files) for each in sent]:
        if (taker := _file_variable(form, inputs)) and not chat:
            inputs[taker.name] = named if taker.kind == "file-list" else named[0]
        else:
            body["files"] = named
    return body


def _file_variable(form: Sequence[Variable], given: Mapping[str, Any]) -> Variable | None:
    takers = [each for each in form if each.kind in _FILES and each.name not in given]
    return takers[0] if len(takers) == 1 else None
