"""What apps of all vendors are asked with: inputs that name the user, files that have to be sent first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mindbot.domain.chat import Attachment
from mindbot.domain.message import Json
from mindbot.domain.turn import Turn
from mindbot.workflows.apps import AppCall

_NAMED = re.compile(r"\{(user|user_name|platform)\}")


def filled(inputs: Mapping[str, Any], turn: Turn, call: AppCall) -> Json:
    """Return inputs with the user's id and name and the platform put in where they are named."""
    person = turn.vars.get("user")
    name = person.get("name") if isinstance(person, dict) else ""
    known = {"user": call.user, "user_name": str(name or ""), "platform": turn.message.platform}

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return _NAMED.sub(lambda found: known[found[1]], value)
        if isinstance(value, Mapping):
            return {key: fill(each) for key, each in value.items()}
        return [fill(each) for each in value] if isinstance(value, list | tuple) else value

    return {key: fill(value) for key, value in {**inputs, **call.inputs}.items()}


def to_upload(files: Sequence[Attachment]) -> list[Attachment]:
    """Return those that have no address which the vendor may fetch from."""
    return list(dict.fromkeys(each for each in files if each.data or each.path or not each.url))
