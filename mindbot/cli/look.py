"""One look for the help of every command: usage, what it does, arguments, options, commands, examples.

A command says what it takes by typer's annotations and nothing of how that looks; what has no metavar there
gets one by its kind. Examples stand in `mindbot.cli.examples`, by command.
"""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

#: Typer's context and formatter, which it keeps to itself.
Context = Any
Formatter = Any

WIDTH = 100  # columns that help takes at most
_NAMES = 30  # columns of names that descriptions still stand beside
_DECIMALS = "{:g}"


class _Look:
    """What is the same of commands and groups of them."""

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        arguments = [p for p in ctx.command.get_params(ctx) if isinstance(p, TyperArgument) and not p.hidden]
        rest = ["COMMAND [ARGS]..."] if isinstance(ctx.command, TyperGroup) else []
        return ["[OPTIONS]", *map(usage_of, arguments), *rest]

    def format_help(self, ctx: Context, formatter: Formatter) -> None:
        command = ctx.command
        command.format_usage(ctx, formatter)
        for paragraph in paragraphs(command.help or ""):
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(paragraph)
        params = [param for param in command.get_params(ctx) if not param.hidden]
        _section(formatter, "Arguments", [_argument(p) for p in params if isinstance(p, TyperArgument)])
        _section(formatter, "Options", [_option(p, ctx) for p in params if isinstance(p, TyperOption)])
        if isinstance(command, TyperGroup):
            found = ((name, command.get_command(ctx, name)) for name in command.list_commands(ctx))
            rows = [(name, first_of(each)) for name, each in found if each is not None and not each.hidden]
            _section(formatter, "Commands", rows)
        _examples(ctx, formatter)
        for paragraph in paragraphs(command.epilog or ""):
            formatter.write_paragraph()
            formatter.write_text(paragraph)


class Command(_Look, TyperCommand):
    """A command whose help looks like all others'."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for param in self.params:  # what is wrong with a value is told by the same word
            if isinstance(param, TyperArgument | TyperOption):
                param.metavar = called(param) or None


class Group(_Look, TyperGroup):
    """A group of commands whose help looks like all others'."""

    def resolve_command(self, ctx: Context, args: list[str]) -> Any:
        """Return the command that is meant; an unknown one is told which there are, or which it is like."""
        name = args[0]
        if not name.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            known = self.list_commands(ctx)
            if not get_close_matches(name, known):
                ctx.fail(f"No such command {name!r}: there are {', '.join(known)}.")
        return super().resolve_command(ctx, args)


def dress(app: typer.Typer) -> typer.Typer:
    """Let every command of an app have the look; returns the app."""
    app.rich_markup_mode = None
    app.info.cls = Group
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.cls = Group
            dress(group.typer_instance)
    return app


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a help text, each as one line."""
    return [" ".join(each.split()) for each in inspect.cleandoc(text).split("\n\n") if each.strip()]


def first_of(command: Any) -> str:
    """Return what a command's line in a list says: its help's first paragraph."""
    return next(iter(paragraphs(command.help or "")), "")


def called(param: TyperArgument | TyperOption) -> str:
    """Return what stands for a value: the metavar, else a word by its kind; empty for a switch."""
    if isinstance(param, TyperOption) and (param.is_flag or param.count):
        return ""
    if param.metavar:
        return param.metavar.strip("[].")
    kind = param.type_descriptor
    if kind.is_choice:
        return "|".join(str(getattr(each, "value", each)) for each in kind.choices or ())
    if kind.is_path or kind.is_file:
        return "FILE"
    if kind.is_ranged or kind.annotation in (int, float):
        return "N"
    return (param.name or "").rstrip("_").upper()


def usage_of(param: TyperArgument) -> str:
    """Return an argument as the usage line has it."""
    name = called(param)
    name = name if param.required else f"[{name}]"
    return f"{name}..." if param.nargs != 1 else name


def _argument(param: TyperArgument) -> tuple[str, str]:
    return called(param), " ".join(filter(None, (param.help, _limits(param, None))))


def _option(param: TyperOption, ctx: Context) -> tuple[str, str]:
    names = ", ".join(sorted((*param.opts, *param.secondary_opts), key=len))
    default = None if param.is_flag or not param.show_default else param.get_default(ctx, call=False)
    return " ".join(filter(None, (names, called(param)))), " ".join(
        filter(None, (param.help, _limits(param, default)))
    )


def _limits(param: Any, default: Any) -> str:
    """Return what value is taken where none is given, and which can be."""
    told = [] if default in (None, "", (), []) else [f"default {default}"]
    least, most = (None if each is None else _DECIMALS.format(each) for each in (param.min, param.max))
    if least is not None and most is not None:
        told.append(f"{least} to {most}")
    elif least is not None:
        told.append(f"at least {least}")
    elif most is not None:
        told.append(f"at most {most}")
    return f"({'; '.join(told)})" if told else ""


def _section(formatter: Formatter, title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows, col_max=_NAMES)


def _examples(ctx: Context, formatter: Formatter) -> None:
    from mindbot.cli.examples import EXAMPLES

    path = ctx.command_path.partition(" ")[2]
    if shown := EXAMPLES.get(path):
        with formatter.section("Examples"):
            for line in shown:
                formatter.write(f"{'':{formatter.current_indent}}mindbot {line}\n")
