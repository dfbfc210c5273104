"""All commands by name."""

from __future__ import annotations

from mindbot_tui.commands.about import Palette, Prompt, Quit, Screenshot
from mindbot_tui.commands.back import Back
from mindbot_tui.commands.base import Command
from mindbot_tui.commands.copy import CopyCommand, CopyId
from mindbot_tui.commands.dead_letters import Discard, Retry
from mindbot_tui.commands.explain import Explain
from mindbot_tui.commands.filter import ClearFilter, Faults, SetFilter, TurnsOf
from mindbot_tui.commands.follow import FollowEnd, Pause
from mindbot_tui.commands.go import Go
from mindbot_tui.commands.looks import Lang, Theme
from mindbot_tui.commands.open import Open
from mindbot_tui.commands.reload import Refresh, Reload
from mindbot_tui.commands.restart import Restart
from mindbot_tui.commands.send import Compose, Send
from mindbot_tui.commands.turn_view import Next, Pane, Part, Previous

COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Go("flow", "live turns"),
        Go("platforms", "bots and their platforms"),
        Go("sessions", "conversations"),
        Go("dead", "what was given up on: retry, discard"),
        Go("config", "the configuration in use, and where each value is from"),
        Go("logs", "what the daemon and this console have to say"),
        Go("help", "all keys and commands"),
        SetFilter(),
        ClearFilter(),
        Faults(),
        TurnsOf(),
        Explain(),
        Send(),
        Compose(),
        Open(),
        Next(),
        Previous(),
        Part(),
        Pane(),
        Back(),
        FollowEnd(),
        Pause(),
        CopyId(),
        CopyCommand(),
        Restart(),
        Retry(),
        Discard(),
        Reload(),
        Refresh(),
        Lang(),
        Theme(),
        Screenshot(),
        Prompt(),
        Palette(),
        Quit(),
    )
}


def find(line: str) -> tuple[Command | None, str]:
    """Return the command a line begins with, by name or an unambiguous beginning, and its argument."""
    name, _, argument = line.strip().partition(" ")
    name = ALIASES.get(name, name)
    if name in COMMANDS:
        return COMMANDS[name], argument.strip()
    begun = [each for each in COMMANDS if name and each.startswith(name)]
    return (COMMANDS[begun[0]] if len(begun) == 1 else None), argument.strip()


#: Short forms that people type from habit.
ALIASES = {"q": "quit", "turns": "flow", "bots": "platforms", "dlq": "dead", "h": "help", "f": "filter"}
