"""From what was typed to an order for the daemon; what is wrong with it is told as wrong usage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import typer
from pydantic import ValidationError

from mindbot.api import calls, models
from mindbot.api.client import Client

Order = TypeVar("Order", models.Push, models.SendMessage)

#: What fields are called on the command line, where it is not ``--FIELD``.
_CALLED = {"text": "TEXT", "files": "--file"}


def order(model: type[Order], files: Sequence[Path], **said: Any) -> Order:
    """Return an order with these values; `uploaded` puts its files where the daemon finds them.

    Raises:
        typer.BadParameter: a value is too long, not UTF-8, or there is neither a text nor a file.
    """
    for file in files:
        if not file.is_file():  # a device or a pipe has no end, or blocks
            raise typer.BadParameter(f"{file} is no regular file", param_hint=_CALLED["files"])
    said = {name: typed(value, name) if isinstance(value, str) else value for name, value in said.items()}
    if not said["text"].strip() and not files:
        raise typer.BadParameter("is empty", param_hint=_CALLED["text"])
    try:
        return model(**said, files=[file.name for file in files])
    except ValidationError as error:
        wrong = error.errors()[0]
        raise typer.BadParameter(wrong["msg"], param_hint=_called(str(wrong["loc"][0]))) from None


def uploaded(client: Client, made: Order, files: Sequence[Path]) -> Order:
    """Return the order with its files in the media store; raises MindBotError."""
    return made.model_copy(update={"files": [client.ask(calls.upload(file)).id for file in files]})


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
