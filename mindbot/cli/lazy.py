"""A command group that knows its commands by name and help line, and imports one when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.main import get_command

from mindbot import registry
from mindbot.cli.look import Command, Group, dress

#: name → (help line, where its typer app is; empty: the `mindbot.commands` entry point of that name).
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("Run the daemon in the foreground; --demo shows it at work.", ""),
    "tui": ("The operator console; attach and detach as you like.", ""),
    "daemon": ("Run, stop, reload the daemon, or see how it is.", ""),
    "send": ("Send a test message and show the reply.", "mindbot.cli.send:app"),
    "tail": ("Follow turns, or other events, as they happen.", "mindbot.cli.tail:app"),
    "turns": ("List turns, newest first.", "mindbot.cli.turns:turns"),
    "trace": ("Show where a turn's time went.", "mindbot.cli.trace:app"),
    "diff": ("How two turns differ, down to the prompt.", "mindbot.cli.diff:app"),
    "replay": ("Make a turn again, or the last ones, and compare.", "mindbot.cli.replay:app"),
    "debug": ("Stop turns at breakpoints, change them, let them go on.", "mindbot.cli.debug:app"),
    "export": ("A turn as JSON, its model's call as curl, or a report.", "mindbot.cli.export:app"),
    "platform": ("Bots and how their platforms are.", "mindbot.cli.platform:app"),
    "provider": ("Models' providers: how they are, tests, cost.", "mindbot.cli.provider:app"),
    "route": ("Where messages go and why; rules, corrections.", ""),
    "workflow": ("Workflows: how they are, tests, runs by hand.", "mindbot.cli.workflow:app"),
    "media": ("Files that came with messages.", "mindbot.cli.media:app"),
    "session": ("Conversations.", "mindbot.cli.session:app"),
    "dlq": ("Dead letters: list, show, retry, discard, restore.", "mindbot.cli.dlq:app"),
    "queue": ("What waits or is under way: turns and deliveries.", "mindbot.cli.queue:app"),
    "failures": ("What fails, by its cause, and who waits for an answer.", "mindbot.cli.failures:app"),
    "metrics": ("How long turns, stages, models and sends take.", "mindbot.cli.metrics:app"),
    "bus": ("Topics of the event bus, and who listens.", "mindbot.cli.bus:app"),
    "log": ("The daemon's log lines and levels.", "mindbot.cli.log:app"),
    "config": ("Make, check and show the configuration.", ""),
    "secret": ("Keep secrets out of the configuration.", ""),
    "rehearse": ("Play conversations with your configuration, all simulated.", ""),
    "record": ("Keep conversations that happened as golden ones.", ""),
    "test": ("Play golden conversations, and tell what drifted.", ""),
    "sim": ("Run simulators of platforms and vendors.", ""),
    "bench": ("Measure, each figure beside its floor.", ""),
    "db": ("Back up, restore, upgrade and check the database.", ""),
    "completion": ("Let your shell complete names and ids.", "mindbot.cli.completion:app"),
}


class LazyGroup(Group):
    """Lists every command, imports only the one that runs."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Built-in commands in their order, then those of installed plugins."""
        return [*COMMANDS, *(name for name in registry.names("commands") if name not in COMMANDS)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a stand-in that carries the help line."""
        if cmd_name in COMMANDS:  # looking for plugins' would read the metadata of every installed package
            return _stand_in(cmd_name)
        if not self.commands:
            self.commands = {name: _stand_in(name) for name in self.list_commands(ctx)}
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is about to run, or to complete its arguments."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, stand_in and load(str(name)), rest


def _stand_in(name: str) -> Command:
    help_line, _ = COMMANDS.get(name, ("Added by a plugin.", ""))
    return Command(name, help=help_line, rich_markup_mode=None)


def load(name: str) -> Any:
    """Import a command and return it; raises NotFound when nobody registered it."""
    _, where = COMMANDS.get(name, ("", ""))
    if where:
        module, _, attribute = where.partition(":")
        found = getattr(import_module(module), attribute)
    else:
        found = registry.load("commands", name)
    return get_command(dress(found)) if isinstance(found, typer.Typer) else found
