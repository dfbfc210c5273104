"""The fields of Coze's requests with their types; null is taken for a field left out."""

from __future__ import annotations

from typing_extensions import TypedDict

from mindbot.sim.models.shapes import RequestShape


class _Message(TypedDict, total=False):
    role: str | None
    type: str | None
    content: str | None
    content_type: str | None
    meta_data: dict[str, str] | None


class _Chat(TypedDict, total=False):
    bot_id: str | None
    user_id: str | None
    stream: bool | None
    auto_save_history: bool | None
    additional_messages: list[_Message] | None
    messages: list[_Message] | None
    meta_data: dict[str, str] | None


class _Output(TypedDict, total=False):
    tool_call_id: str | None
    output: str | None


class _Submission(TypedDict, total=False):
    stream: bool | None
    tool_outputs: list[_Output] | None
    order: str | None
    limit: int | None


class _Object(TypedDict, total=False):
    type: str | None
    text: str | None
    file_id: str | None
    file_url: str | None


class _Objects(TypedDict):
    content: list[_Object]


CHAT = RequestShape(_Chat)
MESSAGE = RequestShape(_Message)
SUBMISSION = RequestShape(_Submission)
OBJECTS = RequestShape(_Objects)
