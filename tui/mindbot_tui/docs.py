"""Write the generated part of the console's page: ``python -m mindbot_tui.docs docs/console.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from mindbot_tui.commands.catalog import ALIASES, COMMANDS
from mindbot_tui.keymap import KEYS
from mindbot_tui.screens.help import CONTEXTS, OWN_KEYS
from mindbot_tui.words import Words

BEGIN, END = "<!-- generated: make docs -->", "<!-- end of the generated part -->"


def tables() -> str:
    """Return keys and commands as Markdown tables, in both languages."""
    return "\n".join([*_keys(), *_commands()])


def _keys() -> Iterator[str]:
    chinese = Words("zh")
    yield "## Keys"
    for context, title in CONTEXTS.items():
        rows = [(key.shown, key.help, f"`{key.id}`") for key in KEYS if key.context == context]
        own = OWN_KEYS.get(context, ())
        rows += [(keys, help, "") for keys, help in own]
        yield from ("", f"### {title}", "", "| key | | | id |", "|---|---|---|---|")
        for keys, help, id in rows:
            shown = " ".join(f"`{key}`" for key in keys.split(" "))
            yield f"| {shown} | {help} | {chinese(help)} | {id} |"
    yield ""


def _commands() -> Iterator[str]:
    chinese = Words("zh")
    short = {name: [alias for alias, of in ALIASES.items() if of == name] for name in COMMANDS}
    yield from ("## Commands", "", "| command | role | | |", "|---|---|---|---|")
    for command in COMMANDS.values():
        argument = f" {command.argument}" if command.argument else ""
        names = ", ".join(f"`:{name}`" for name in short[command.name])
        call = f"`:{command.name}{argument}`".replace("|", "\\|")
        role = command.needs or "viewer"
        also = f" ({names})" if names else ""
        yield f"| {call}{also} | {role} | {command.help} | {chinese(command.help)} |"


def renewed(page: str) -> str:
    """Return the page with its generated part written again."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
