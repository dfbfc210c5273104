"""From what was typed to an order for the daemon; what is wrong with it is told as wrong usage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import typer
from pydantic import ValidationError

from mindbot.api import calls, models, take_over_models
from mindbot.api.client import Client

Order = TypeVar("Order", models.Push, models.SendMessage, take_over_models.SayWords)
T = TypeVar("T")

#: What fields are called on the command line, where it is not ``--FIELD``.
_CALLED = {
    "text": "TEXT",
    "files": "--file",
    "config": "FILE",
    "departments": "--department",
    "inputs": "--input",
    "names": "WORKFLOW",
    "workflow": "WORKFLOW",
}


def order(model: type[Order], files: Sequence[Path], **said: Any) -> Order:
    """Return an order with these values; `uploaded` puts its files where the daemon finds them.

    Raises:
        typer.BadParameter: a value is too long, not UTF-8, or there is neither a text nor a file.
    """
    for file in files:
        if not file.is_file():  # a device or a pipe has no end, or blocks
            raise typer.BadParameter(f"{file} is no regular file", param_hint=_CALLED["files"])
    if not files:
        worded(said["text"])
    return asked(model, **said, files=[file.name for file in files])


def asked(make: Callable[..., T], **said: Any) -> T:
    """Return what is made of the values: an order of the API, or a call that makes one.

    Raises:
        typer.BadParameter: a value is not UTF-8, or the API takes no such one, e.g. because it is too long.
    """
    said = {name: _typed(value, name) for name, value in said.items()}
    try:
        return make(**said)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise typer.BadParameter(wrong["msg"], param_hint=_called(str(wrong["loc"][0]))) from None


def worded(text: str, hint: str = "TEXT") -> str:
    """Return a text that has words; raises typer.BadParameter for any other."""
    if not text.strip():
        raise typer.BadParameter("is empty", param_hint=hint)
    return text


def uploaded(client: Client, made: Order, files: Sequence[Path]) -> Order:
    """Return the order with its files in the media store; raises MindBotError."""
    return made.model_copy(update={"files": [client.ask(calls.upload(file)).id for file in files]})


def _typed(value: Any, field: str) -> Any:
    """Return a value whose texts are as they were typed."""
    if isinstance(value, str):
        return typed(value, field)
    return [_typed(each, field) for each in value] if isinstance(value, list) else value


def typed(text: str, field: str) -> str:
    """Return an argument as it was typed: Python marks bytes that its locale does not know.

    Raises:
        typer.BadParameter: the bytes are not UTF-8 either.
    """
    try:
        return text.encode(errors="surrogateescape").decode()
    except UnicodeError:
        raise typer.BadParameter("is not UTF-8", param_hint=_called(field)) from None


def _called(field: str) -> str:
    return _CALLED.get(field, f"--{field}")
