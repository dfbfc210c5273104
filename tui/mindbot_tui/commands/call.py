"""Carry out any call of the local API."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

from mindbot.api.calls import ApiCall
from mindbot_tui.commands.base import Command
from mindbot_tui.state.operations import curl, read_call
from mindbot_tui.surface import Surface


class Call(Command):
    """What it may do is the daemon's to say, by our role; a read-only console only reads."""

    name = "call"
    help = "carry out a call of the API and show its answer"
    argument = "METHOD PATH [JSON]"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if console.state.readonly and argument and not argument.upper().startswith("GET "):
            return console.words("this console is read-only")
        return "" if console.state.link.attached else console.words("no daemon is attached")

    async def run(self, console: Surface, argument: str) -> None:
        if not argument:
            console.open_prompt("call GET /v1/")
            return
        method, target, body = read_call(argument)
        if method == "DELETE" and not await console.confirm(
            console.words("Send {call}?", call=f"{method} {target}")
        ):
            return
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        console.state.called(curl(method, target, body))
        answer = await console.api.ask(
            ApiCall(method, parts.path, lambda found: found, query=query, body=body)
        )
        said = (
            console.words("done: it says nothing")
            if answer is None
            else json.dumps(answer, ensure_ascii=False)
        )
        console.show_page(f"{method} {target}", said, json=answer is not None)
