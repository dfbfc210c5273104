"""Errors between the API's body ``{kind, message, hint, turn}`` and the exception tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mindbot.api.models import Problem
from mindbot.domain.errors import BadFilter, ConfigError, MindBotError, Outdated
from mindbot.domain.shapes.daemon import ProblemJson


def problem_of(error: MindBotError, turn: str = "") -> ProblemJson:
    """Return the body that describes ``error``."""
    body: ProblemJson = {"kind": error.kind, "message": error.message, "hint": error.hint, "turn": turn}
    if isinstance(error, ConfigError) and error.problems:
        body["problems"] = error.problems
    if isinstance(error, BadFilter):
        body["column"], body["length"], body["fields"] = error.column, error.length, list(error.fields)
    if isinstance(error, Outdated):
        body["revision"] = error.revision
    return body


def error_of(problem: Problem) -> MindBotError:
    """Return the exception a body describes; an unknown kind becomes a plain MindBotError."""
    if problem.kind == ConfigError.kind:
        return ConfigError(problem.message, hint=problem.hint, problems=problem.problems)
    if problem.kind == BadFilter.kind:
        place: Any = {"column": problem.column, "length": problem.length, "fields": problem.fields}
        return BadFilter(problem.message, hint=problem.hint, **place)
    if problem.kind == Outdated.kind:
        return Outdated(problem.message, hint=problem.hint, revision=problem.revision)
    for cls in _tree(MindBotError):
        if cls.kind == problem.kind:
            return cls(problem.message, hint=problem.hint)
    return MindBotError(problem.message or "the daemon refused", hint=problem.hint)


def _tree(root: type[MindBotError]) -> Iterator[type[MindBotError]]:
    yield root
    for cls in root.__subclasses__():
        yield from _tree(cls)
