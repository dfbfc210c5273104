"""What bots and workflows of Coze's are asked with; coze.cn "Chat v3", "Run workflow (streaming)"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindbot.domain.chat import Attachment
from mindbot.domain.message import Json
from mindbot.domain.plain import dumps

#: The variable of a workflow's start node that is told the text where the settings name no other.
INPUT = "input"
#: The mark in a question by which a run that lost its ids is found again.
MARK = "mindbot_run"
#: Said where there is nothing but files.
_NO_WORDS = "请看附件 See what is attached."
#: In a workflow's inputs: stands for the first file that came with the message, as Coze takes files there.
_FILE = "{file}"


def question(text: str, files: list[Json], mark: str) -> Json:
    """Return the message that asks; ``files`` are parts of an ``object_string``."""
    message: Json = {"role": "user", "type": "question", "meta_data": {MARK: mark}}
    if not files:
        return {**message, "content_type": "text", "content": text}
    parts = [{"type": "text", "text": text if text.strip() else _NO_WORDS}, *files]
    return {**message, "content_type": "object_string", "content": dumps(parts).decode()}


def file_part(file: Attachment, id_: str) -> Json:
    """Return a file as a part of a message."""
    where = {"file_id": id_} if id_ else {"file_url": file.url}
    return {"type": file.kind, **where}


def variables(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return inputs as a bot's variables: they are texts."""
    return {
        name: value if isinstance(value, str) else dumps(value).decode() for name, value in inputs.items()
    }


def parameters(inputs: Mapping[str, Any], text: str, key: str, files: list[str]) -> Json:
    """Return the parameters of a workflow; a file is told by its id, as JSON in a text."""
    file = dumps({"file_id": files[0]}).decode() if files else ""
    told = {name: file if value == _FILE else value for name, value in inputs.items()}
    return {**told, key or INPUT: text}


def wants_file(inputs: Mapping[str, Any]) -> bool:
    """Tell whether a workflow's inputs have a place for a file."""
    return _FILE in inputs.values()
