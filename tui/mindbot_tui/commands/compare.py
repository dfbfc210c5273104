"""Run a text by hand with several workflows."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from mindbot.api import workflow_calls as calls
from mindbot.api.shown_workflows import run_head
from mindbot.domain.errors import Invalid
from mindbot_tui.cells import brief
from mindbot_tui.commands.base import Command
from mindbot_tui.commands.on_workflow import seen
from mindbot_tui.commands.running import check, run_shown, several
from mindbot_tui.surface import Surface


class Compare(Command):
    name = "compare"
    help = "run a text by hand with several workflows, one beside the other; no user sees it"
    types = True
    argument = "WORKFLOW,WORKFLOW TEXT"
    needs = "operator"
    asks = True

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(f"{name},", "") for name, _ in seen(console)]

    async def run(self, console: Surface, argument: str) -> None:
        words, selected = console.words, console.view.workflow
        which, _, text = argument.strip().partition(" ")
        if not which:
            console.open_prompt(f"compare {selected.name}," if selected else "compare ")
            return
        names, text = [name for name in which.split(",") if name], text.strip()
        if len(names) < 2 or not text:
            raise Invalid("a text compares two workflows or more", hint="compare code,general TEXT")
        check(text, *names)
        console.state.called(shlex.join(["mindbot", "workflow", "compare", *names, "--text", text]))
        title = words("Compared: {workflows}", workflows=brief(words(", ").join(names)))
        found = await run_shown(console, title, calls.compare_workflows(names, text), several)
        if found is not None:
            console.say(f"{title}: {'; '.join(run_head(each, words) for each in found)}")
