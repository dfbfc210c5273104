"""`mindbot debug watch`: stops, log points and edits as they happen."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import aclosing
from typing import Annotated, Any

import typer

from mindbot.api.stream import Batch, Connected, Disconnected, Gap, Reset, Update, events
from mindbot.cli.connect import connect
from mindbot.cli.output import JsonOption, clock, columns, cut, one_line, print_json, wants_json
from mindbot.domain.shapes.events import EventJson

TOPICS = ("turn.parked", "turn.resumed", "debug")


def watch(
    ctx: typer.Context,
    filter: Annotated[
        str, typer.Argument(metavar="[FILTER]", help="Only turns like this, e.g. 'platform == wecom'.")
    ] = "",
    limit: Annotated[int, typer.Option(min=0, help="End after so many lines; 0 goes on.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Follow what the debugger does: turns that stop and go on, log points, changes, breakpoints.

    Survives a restart of the daemon; Ctrl-C ends it.
    """
    import anyio

    watcher = _Watcher(str(connect(ctx).socket), filter, limit, wants_json(as_json))
    try:
        anyio.run(watcher.run)
    except KeyboardInterrupt:
        raise typer.Exit from None


class _Watcher:
    """Reads the stream and writes a line for each event."""

    def __init__(self, socket: str, filter: str, limit: int, machine: bool) -> None:
        self._socket = socket
        self._filter = filter
        self._left = limit or -1
        self._machine = machine

    async def run(self) -> None:
        """Follow until there are enough lines; raises MindBotError when no daemon answers at first."""
        async with aclosing(events(self._socket, topics=TOPICS, filter=self._filter)) as updates:
            async for update in updates:
                self._show(update)
                if not self._left:
                    return

    def _show(self, update: Update) -> None:
        match update:
            case Batch(found):
                self._lines(found)
            case Gap(count):
                self._note({"gap": count}, f"{count} events were dropped: this reader is too slow")
            case Reset(epoch):
                self._note({"reset": epoch}, "the daemon began anew: nothing is parked")
            case Disconnected(reason):
                print(f"mindbot: {reason}; waiting for it", file=sys.stderr)
            case Connected(again):
                if again:
                    print("mindbot: connected again", file=sys.stderr)

    def _note(self, value: dict[str, Any], text: str) -> None:
        print_json(value) if self._machine else print(f"-- {text}", flush=True)

    def _lines(self, found: Iterable[EventJson]) -> None:
        for event in found:
            if not self._left:
                return
            self._left -= 1
            if self._machine:
                print_json(event)
                continue
            head = f"{clock(event['ts'])}  {event['turn']:<13}"
            print(cut(f"{head}  {one_line(_said(event))}", columns()), flush=True)


def _said(event: EventJson) -> str:
    """Return what happened, in words."""
    data: dict[str, Any] = dict(event)
    by = f" by {data['by']}" if data.get("by") else ""
    match event["type"]:
        case "turn.parked":
            left = int(max(0.0, float(data.get("lease_until") or 0.0) - event["ts"]))
            who = f"{data.get('platform', '')}/{data.get('bot', '')} {data.get('user', '')}"
            return f"parked {data.get('at', '')}, {left}s  {who}: {data.get('text', '')}"
        case "turn.resumed":
            return f"goes on: {data.get('action', '')}{by}"
        case "debug.log":
            return f"{data.get('breakpoint', '')}: {data.get('text', '')}"
        case "debug.edited":
            return f"changed {data.get('path', '')}, revision {data.get('revision', '')}{by}"
        case kind:
            hidden = ("epoch", "seq", "ts", "type", "turn")
            rest = " ".join(f"{k}={v}" for k, v in data.items() if k not in hidden and v not in ("", None))
            return f"{kind.partition('.')[2]} {rest}"
