"""What readers fill in and edit, without a widget: what is asked, and what is then done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

Offered = Callable[[str, int], Sequence[tuple[str, int, int, str]]]


def no_offers(text: str, cursor: int) -> Sequence[tuple[str, int, int, str]]:
    """Offer nothing."""
    return ()


def chosen_from(*values: str) -> Offered:
    """Return offers of these values for a whole field, by their beginnings."""

    def offers(text: str, cursor: int) -> list[tuple[str, int, int, str]]:
        begun = text[:cursor]
        return [(value, 0, len(text), "") for value in values if value.startswith(begun) and value != text]

    return offers


@dataclass(frozen=True, slots=True)
class FormField:
    """``offered`` returns what could stand at the cursor: texts with the characters that they replace, and a
    word about each; ``help`` says in an empty field what may be in it."""

    name: str
    label: str
    value: str = ""
    help: str = ""
    offered: Offered = no_offers


@dataclass(frozen=True, slots=True)
class Form:
    """``done`` takes what was filled in, by the names of fields; what it raises is shown in the form."""

    title: str
    fields: Sequence[FormField]
    done: Callable[[Mapping[str, str]], Awaitable[None]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Editable:
    """A text as it was read: ``json`` says that it is a value written down."""

    text: str
    revision: int | None = None
    json: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """``read`` returns a part as it is now, ``write`` puts it: it raises Conflict where somebody else put
    another since the revision that it was read at."""

    title: str
    parts: Sequence[str]
    read: Callable[[str], Awaitable[Editable]]
    write: Callable[[str, Editable], Awaitable[None]]
    first: str = ""
    done: Callable[[], None] = field(default=lambda: None)
