"""What the pages show: their code, the commands in it, and how a command is read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.main import get_command

from mindbot.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

_BLOCK = re.compile(r"^(?:<!-- (step: \S+) -->\n+)?( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
#: Words in capitals stand for something of the reader's; some of it has to be there, or be a number.
_STANDS_FOR = {"FILE": __file__, "N": "1", "S": "1"}


@dataclass(frozen=True)
class Block:
    """A block of code: the step it is marked as ('' for none), its language, and its lines by number."""

    page: Path
    step: str
    language: str
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Command:
    """A `mindbot` command line as it is shown: ``whole`` in a block, else named within a sentence.

    ``step``: it is part of one that is run on a machine of its own (tests/system), and nowhere else.
    """

    where: str
    line: str
    whole: bool
    step: bool = False


def named(page: Path, line: int) -> str:
    return f"{page.relative_to(ROOT)}:{line}"


def blocks(page: Path) -> Iterator[Block]:
    """Yield a page's blocks of code."""
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        first = text.count("\n", 0, found.start(4)) + 1
        lines = enumerate((line.strip() for line in found[4].splitlines()), first)
        yield Block(page, (found[1] or "").removeprefix("step: "), found[3], tuple(lines))


def inline(page: Path) -> Iterator[tuple[int, str]]:
    """Yield a page's code within sentences, with its line. Tables escape their bars."""
    text = _BLOCK.sub(lambda block: "\n" * block[0].count("\n"), page.read_text(encoding="utf-8"))
    for number, line in enumerate(text.splitlines(), 1):
        for found in _INLINE.findall(line):
            yield number, found.replace("\\|", "|")


def shell(page: Path) -> Iterator[tuple[Block, int, str]]:
    """Yield the commands of a page's shell blocks; what a here-document holds is none."""
    for block in blocks(page):
        until = ""
        for number, line in block.lines if block.language == "sh" else ():
            if until:
                until = "" if line == until else until
            elif line and not line.startswith("#"):
                until = (re.findall(r"<<(\w+)", line) or [""])[0]
                yield block, number, line


def commands(page: Path) -> Iterator[Command]:
    """Yield every `mindbot` command that a page shows."""
    for block, number, line in shell(page):
        for part in re.split(r" (?:&&|\|) ", re.sub(r"\s+#\s.*", "", line)):
            if found := re.match(r"(?:[A-Z_]+=\S+ )*(?:\S*/)?(mindbot .*)", part):
                yield Command(named(page, number), found[1], whole=True, step=bool(block.step))
    for number, code in inline(page):
        if code.startswith("mindbot ") and "…" not in code.split()[1]:
            yield Command(named(page, number), code, whole=False)


def words(line: str) -> list[list[str]]:
    """Return a command's arguments, once for each of its alternatives (``a|b``).

    Brackets around what may be left out, and dots behind what may be repeated, are no part of it.
    """
    plain = re.sub(r"(?<=\s)\[((?:--|[A-Z])[^\]]*)\]", r"\1", line)
    plain = re.sub(r"(?<=[A-Z])(?:…|\.\.\.)", "", plain)
    shown = shlex.split(plain, comments=True)[1:]
    shown = shown[: shown.index(">")] if ">" in shown else shown
    found = [[]]
    for word in shown:
        options = word.split("|") if re.fullmatch(r"[\w-]+(\|[\w-]+)+", word) else [word]
        found = [[*before, option] for before in found for option in options]
    return found


def parse(arguments: list[str], *, whole: bool = True) -> None:
    """Read a command line as `mindbot` would, without running it.

    Raises what the command line raises for an unknown command or option, a wrong or missing value. Where not
    ``whole``, arguments may be missing.
    """
    command: Any = get_command(app)
    rest = [_STANDS_FOR.get(word, word) for word in arguments]
    name, parent = "mindbot", None
    if rest[-1:] == ["--version"] or rest[-1:] == ["--help"]:
        rest.pop()
    while True:
        group = bool(getattr(command, "commands", None)) or parent is None
        if not rest and (group or not whole):
            return
        try:
            context = command.make_context(name, list(rest), parent=parent)
        except Exception as error:
            if whole or not re.match(r"Missing parameter|.* requires an argument", str(error)):
                raise
            return
        if not group:
            return
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        found, command, rest = command.resolve_command(context, rest)
        name, parent = str(found), context


def options() -> set[str]:
    """Return every option of every command."""
    from mindbot.cli.lazy import COMMANDS, load

    found: set[str] = {"--help"}

    def collect(command: Any) -> None:
        for parameter in command.params:
            found.update((*parameter.opts, *parameter.secondary_opts))
        for each in getattr(command, "commands", {}).values():
            collect(each)

    collect(get_command(app))
    for name in COMMANDS:
        collect(load(name))
    return found


_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the names by which a page's headings can be linked to, as GitHub makes them."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    found: set[str] = set()
    for heading in _HEADING.findall(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        base = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        name, again = base, 0
        while name in found:
            again += 1
            name = f"{base}-{again}"
        found.add(name)
    return found
