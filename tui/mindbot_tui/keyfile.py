"""Keys of a reader's own: a file that gives keys to ids, read with the place of all that is wrong in it.

What is wrong is told and left out; the rest counts.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character

from mindbot.config.source import read
from mindbot.config.tree import Node
from mindbot.domain.errors import Invalid
from mindbot_tui.keymap import KEYS, RESERVED, Key, Keymap, key_shown

_NAMES = frozenset(key.value.rpartition("+")[2] for key in Keys)
_ALSO = {
    "esc": "escape",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "del": "delete",
    "return": "enter",
    "^": "ctrl",
}
_WRITTEN = {"slash": "/", "minus": "-"}  # Unicode calls them otherwise
_HELD = ("ctrl", "shift", "alt", "super")


def key_of(text: str) -> str:
    """Return Textual's name of a key that is written as people do: ``.``, ``^p``, ``ctrl+p``, ``F5``.

    Raises:
        Invalid: there is no such key.
    """
    if len(text) == 2 and text[0] == "^":
        text = f"ctrl+{text[1]}"
    *held, last = text.split("+") if text not in ("+", "") else [text]
    held = [each.lower() for each in held]
    last = _ALSO.get(last.lower(), last)
    if len(last) == 1 and last.isprintable() and last != " ":
        name = (
            last if last.isalnum() else unicodedata.name(last, "").lower().replace("-", "_").replace(" ", "_")
        )
        name = KEY_NAME_REPLACEMENTS.get(name, name)
    else:
        name = last.lower() if last.lower() in _NAMES else ""
    if not name or any(each not in _HELD for each in held):
        raise Invalid(f"{text!r} is no key", hint="a character, ctrl+x (^x), f1 to f24, space, tab, enter, …")
    return "+".join((*held, name.lower() if held else name))


def read_keymap(path: Path, views: Iterable[Sequence[str]], own: Iterable[Key] = ()) -> Keymap:
    """Read a file of keys by id; ``views`` are the contexts that hold at the same time, for each view.

    Raises:
        ConfigError: it cannot be read, or is no mapping.
    """
    source = read(path, begins="next")
    problems = [str(problem) for problem in source.problems]
    places: dict[str, str] = {}
    changed: dict[str, str] = {}
    ids = [key.id for key in KEYS]
    for id, node in source.root.value.items():
        places[id] = str(node.place)
        if id not in ids:
            near = difflib.get_close_matches(id, ids, 1)
            problems.append(f"{node.place}: no key has the id {id!r}" + (f": {near[0]}?" if near else ""))
            continue
        try:
            changed[id] = ",".join(_keys(node))
        except Invalid as error:
            problems.append(f"{node.place}: {error}")
    problems += _settle(changed, places, [tuple(view) for view in views])
    return Keymap(changed, own, path=str(path), problems=problems)


def _keys(node: Node) -> Iterator[str]:
    """Yield the keys that a value names; ``none`` stands for no key."""
    values = [each.value for each in node.value] if isinstance(node.value, list) else [node.value]
    if values == ["none"]:
        return
    for value in values:
        if isinstance(value, bool | float | dict | list) or value is None:
            raise Invalid(f"{value!r} is no key", hint='put a character into quotes: "~"')
        yield key_of(str(value))


def _settle(changed: dict[str, str], places: dict[str, str], views: list[tuple[str, ...]]) -> Iterator[str]:
    """Take back what would give a key two meanings in a view, and say so."""
    order = list(changed)
    while clash := _clash(changed, order, views):
        id, key, other = clash
        del changed[id]
        yield f"{places[id]}: {key_shown(key)} is taken: {other} has it in the same view; {id} keeps its own"


def _clash(
    changed: dict[str, str], order: list[str], views: list[tuple[str, ...]]
) -> tuple[str, str, str] | None:
    """Return a changed id, the key that it may not have, and who has it."""
    keymap = Keymap(changed)
    for view in views:
        having: dict[str, str] = {}
        for key in keymap.of(*view):
            for each in filter(None, key.keys.split(",")):
                other = having.setdefault(each, key.id)
                if each in RESERVED and key.id in changed:
                    return key.id, each, "moving in lists and texts"
                if other != key.id:
                    later = max((id for id in (other, key.id) if id in changed), key=order.index)
                    return later, each, other if later == key.id else key.id
    return None


def written(key: str) -> str:
    """Return one of Textual's names of keys as it stands in a file."""
    character = _WRITTEN.get(key) or key_to_character(key) or ""
    return character if character.isprintable() and character.strip() else key


def template() -> str:
    """Return a file that changes nothing and says what could be."""
    lines = ["# Keys of the console: an id and its key, or several in brackets; none takes a key away."]
    lines += ['# A character ("."), ctrl+x, alt+x, f1 to f24, space, tab, enter, left, pageup, …', ""]
    for key in KEYS:
        keys = [f'"{written(each)}"' for each in key.keys.split(",")]
        value = keys[0] if len(keys) == 1 else f"[{', '.join(keys)}]"
        lines.append(f"# {key.id}: {value}".ljust(40) + f"# {key.context}: {key.help}")
    return "\n".join(lines) + "\n"
