"""The file of a reader's own commands, read with the place of all that is wrong in it; the rest counts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from mindbot.config.source import read
from mindbot.config.tree import Node, to_plain
from mindbot.domain.errors import Invalid
from mindbot_tui.keyfile import key_of
from mindbot_tui.keymap import RESERVED, Key, Keymap, key_shown
from mindbot_tui.state.own import PLACE, PLACES, OwnCommand

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")
# Programs that read words as a language of their own, wherever they stand in a line: `env sh -c …`
_READERS = {
    "sh",
    "bash",
    "dash",
    "ash",
    "zsh",
    "ksh",
    "csh",
    "tcsh",
    "fish",
    "eval",
    "su",
    "watch",
    "parallel",
}
_READERS |= {"ssh", "rsh", "mosh"}  # they join their words for the shell at the other end
_CODE = {"-c", "-e", "-E", "--eval", "--command", "--execute"}  # what follows is a program's text
_WORD = re.compile(r"(?:\{\w+\}|[\w./:=@,+%#-])*\Z")  # a place, and what names or joins it
_FIELDS = ("run", "help", "key", "views", "confirm", "timeout")
_MOST = 3600.0  # seconds


def read_commands(path: Path, views: Iterable[str]) -> tuple[dict[str, OwnCommand], list[str]]:
    """Return the commands of a file by name, and what is wrong in it.

    Raises:
        ConfigError: it cannot be read, or is no mapping.
    """
    source = read(path, begins="logs-of-user")
    problems = [str(problem) for problem in source.problems]
    found: dict[str, OwnCommand] = {}
    known = set(views)
    for name, node in source.root.value.items():
        try:
            found[name] = _command(name, node, known)
        except Invalid as error:
            problems.append(f"{node.place}: {name}: {error}")
    return found, problems


def _command(name: str, node: Node, views: set[str]) -> OwnCommand:
    given = to_plain(node)
    if not _NAME.match(name):
        raise Invalid("a name is of small letters, digits and -")
    if not isinstance(given, Mapping):
        raise Invalid("is no mapping", hint="run: journalctl --grep {user}")
    if unknown := set(given) - {"run", "help", "key", "views", "confirm", "timeout"}:
        raise Invalid(
            f"unknown: {', '.join(sorted(unknown))}", hint="run, help, key, views, confirm, timeout"
        )
    wanted = given.get("views") or []
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if strange := [view for view in wanted if view not in views]:
        raise Invalid(f"no view {strange[0]!r}", hint=", ".join(sorted(views)))
    timeout, confirm = given.get("timeout", 30), given.get("confirm", False)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= _MOST:
        raise Invalid(f"timeout: seconds, up to {_MOST:.0f}")
    if not isinstance(confirm, bool):
        raise Invalid("confirm: true or false")
    key = key_of(str(given["key"])) if given.get("key") is not None else ""
    words = _words(given.get("run"))
    help = str(given.get("help") or shlex.join(words))
    return OwnCommand(name, words, help, key, tuple(wanted), confirm, float(timeout))


def _words(run: object) -> tuple[str, ...]:
    """Return a command line's words. No shell sees them, so that no value can be more than a word."""
    given = run if isinstance(run, list) else []
    if odd := [each for each in given if isinstance(each, bool) or not isinstance(each, str | int | float)]:
        raise Invalid(
            f"run: {odd[0]!r} is no word", hint="put it in quotes: YAML takes yes and true for more"
        )
    try:
        words = [str(word) for word in run] if isinstance(run, list) else shlex.split(str(run or ""))
    except ValueError as error:
        raise Invalid(f"run: {error}") from error
    if not words or not words[0]:
        raise Invalid("run: names no program")
    for word in words:
        for place in PLACE.findall(word):
            if place not in PLACES:
                raise Invalid(f"run: nothing is known of {{{place}}}", hint=", ".join(PLACES))
    if PLACE.search(words[0]):
        raise Invalid("run: the program itself cannot be what is selected")
    _check_places(words)
    return tuple(words)


def _check_places(words: Sequence[str]) -> None:
    """Let what a stranger is called be a word of a line, never the text of a program."""
    reader = next((word for word in words if Path(word).name in _READERS), "")
    for before, word in pairwise(words):
        if not PLACE.search(word):
            continue
        if reader:
            raise Invalid(
                f"run: {Path(reader).name} would read what is selected as its own text",
                hint='write "$MINDBOT_USER" in place of {user}, or a script that is given the word',
            )
        if before in _CODE or not _WORD.match(word):
            raise Invalid(
                f"run: {word!r} may be a text that the program reads as its own language",
                hint='give {user} as a word of its own, or have a script read "$MINDBOT_USER"',
            )


def with_own(keymap: Keymap, own: Mapping[str, OwnCommand], views: Mapping[str, Sequence[str]]) -> Keymap:
    """Return the keys with those of own commands, but for what is taken; ``views`` are their contexts."""
    keys: list[Key] = []
    problems: list[str] = []
    taken: set[tuple[str, str]] = set()
    for command in filter(lambda each: each.key, own.values()):
        where = command.views or tuple(views)
        others = [id for view in where for id in _having(command.key, keymap, views[view])]
        if command.key in RESERVED or others or any((view, command.key) in taken for view in where):
            who = others[0] if others else "another command, or moving in lists,"
            problems.append(f"{command.name}: {key_shown(command.key)} is taken: {who} has it")
            continue
        taken |= {(view, command.key) for view in where}
        line = f"own {command.name}"
        contexts = command.views or ("everywhere",)
        keys += [Key(f"own-{command.name}", command.key, context, line, command.help) for context in contexts]
    return Keymap(keymap.changed, keys, path=keymap.path, problems=[*keymap.problems, *problems])


def _having(key: str, keymap: Keymap, contexts: Sequence[str]) -> Iterator[str]:
    return (each.id for each in keymap.of(*contexts) if key in each.keys.split(","))
