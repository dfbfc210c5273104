"""Variables of a turn that the product itself reads: what an operator puts there has their shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mindbot.domain.errors import WrongValue


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _person(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _texts(each) if name == "departments" else _text(each) for name, each in value.items()
    )


def _order(value: Any) -> bool:
    return (
        isinstance(value, dict) and value.keys() == {"to", "say", "why"} and all(map(_text, value.values()))
    )


def _never(value: Any) -> bool:
    return False


_SHAPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "user": (_person, 'a person: {"name": "…", "title": "…", "departments": ["…"]}'),
    "asked": (_texts, "a list of texts"),
    "transfer": (_order, 'an order: {"to": "pool", "say": "…", "why": "…"}'),
    "stream": (lambda value: isinstance(value, bool), "true or false"),
    "cut": (lambda value: type(value) is int and value >= 0, "a number of characters"),
    "heard": (lambda value: value in ("user", "assistant"), "user or assistant"),
    "together": (_never, "which turns are answered together: nobody sets that"),
} | dict.fromkeys(("finish", "draft", "instead_of", "then", "answered_by", "stopped"), (_text, "a text"))


def check_variable(name: str, value: Any) -> None:
    """Raise WrongValue where the product reads a variable of this name, and not as this value."""
    fits, shape = _SHAPES.get(name, (None, ""))
    if fits is not None and not fits(value):
        raise WrongValue(f"variables.{name} is MindBot's own", hint=f"it is {shape}; choose another name")
