"""Every command explains itself, all in one look, with examples that it takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import shown
from typer.core import TyperArgument, TyperGroup
from typer.main import get_command

from mindbot.cli.examples import EXAMPLES
from mindbot.cli.lazy import load
from mindbot.cli.look import WIDTH, called, first_of
from mindbot.cli.main import app

HEADS = ["Usage", "Arguments", "Options", "Commands", "Examples", "Exit"]


@cache
def contexts() -> dict[str, Any]:
    """Return the context of every command by its name; the whole's is empty."""
    root = get_command(app).make_context("mindbot", [], resilient_parsing=True)
    return {"": root, **{each.command_path.partition(" ")[2]: each for each in _below(root)}}


def _below(context: Any) -> Iterator[Any]:
    for name in context.command.list_commands(context):
        found = load(name) if context.parent is None else context.command.get_command(context, name)
        inner = found.make_context(name, [], parent=context, resilient_parsing=True)
        yield inner
        if isinstance(found, TyperGroup):
            yield from _below(inner)


def test_all_commands_are_walked() -> None:
    assert len(contexts()) > 60
    assert {"", "up", "dlq retry", "workflow dataset query", "db check"} <= contexts().keys()


def test_help_has_one_look() -> None:
    for path, context in contexts().items():
        lines = context.command.get_help(context).splitlines()
        assert lines[0].startswith(f"Usage: {context.command_path} [OPTIONS]")
        assert all(len(line) <= WIDTH for line in lines), path
        heads = [found[1] for line in lines if (found := re.match(r"(\w+):(?: |$)", line))]
        assert heads == [head for head in HEADS if head in heads], (path, "in their order, each once")
        assert {"Usage", "Options", "Examples"} <= {*heads}, path
        assert not re.search(r"<\w+|\[\[|\{\w|\[required\]", "\n".join(lines)), path


def test_what_a_command_does_is_a_sentence() -> None:
    for path, context in contexts().items():
        said = first_of(context.command)
        assert said.endswith(".") and said[0].isupper(), path


def test_every_value_is_named_and_explained() -> None:
    for path, context in contexts().items():
        for param in context.command.params:
            assert param.help, (path, param.name)
            name = called(param)
            if isinstance(param, TyperArgument) or name:
                assert re.fullmatch(r"[A-Z][A-Z0-9_=]*|[a-z|]+", name), (path, name)


def test_examples_can_be_typed() -> None:
    for path in contexts():
        assert EXAMPLES.get(path), f"mindbot {path} has no example"
        for line in EXAMPLES[path]:
            shown.parse(shlex.split(line))
            assert line.startswith((path, "--")), (path, line)
    assert EXAMPLES.keys() <= contexts().keys(), "none is left of a command that is gone"
