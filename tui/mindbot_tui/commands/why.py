"""Say where a message would go, and why."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from pydantic import ValidationError

from mindbot.api import workflow_calls as calls
from mindbot.api.shown_routes import explained
from mindbot.api.workflow_models import AskRoute
from mindbot.domain.errors import Invalid
from mindbot_tui.cells import brief
from mindbot_tui.commands.base import Command
from mindbot_tui.commands.send import read_draft
from mindbot_tui.surface import Surface


class Why(Command):
    name = "why"
    help = "say where a message would go, and why; nothing is sent"
    types = True
    argument = "[@USER] [#PLATFORM[/BOT]] TEXT"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        state = console.state
        if not state.link.attached:
            return console.words("no daemon is attached")
        if state.has("operator"):
            return ""
        # It changes nothing, also for a console that is read-only, and may cost what a model costs.
        return console.words("this needs the role {needs}, you are {role}", needs="operator", role=state.role)

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(f"#{platform} ", "") for platform in console.flow.seen("platform")]

    async def run(self, console: Surface, argument: str) -> None:
        draft = read_draft(argument)
        if not draft.text:
            if not console.view.write():
                console.open_prompt("why ")
            return
        try:
            asked = AskRoute(
                text=draft.text, user=draft.user, platform=draft.platform, bot=draft.bot or "default"
            )
        except ValidationError as error:
            first = error.errors()[0]
            raise Invalid(f"{first['loc'][0]}: {first['msg']}") from error
        line = ["mindbot", "route", "explain", draft.text]
        line += ["--platform", draft.platform] if draft.platform != "console" else []
        line += ["--bot", draft.bot] if draft.bot else []
        line += ["--user", draft.user] if draft.user else []
        console.state.called(shlex.join(line))
        found = await console.api.ask(calls.explain_route(asked))
        title = console.words("Where this goes: {text}", text=brief(draft.text))
        console.show_page(title, "\n".join(explained(found, console.words)))
