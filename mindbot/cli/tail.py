"""`mindbot tail`: turns as they end, or any events as they happen."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import aclosing
from typing import Annotated, cast

import typer

from mindbot.api import calls, models
from mindbot.api.client import AsyncClient
from mindbot.api.stream import Batch, Connected, Disconnected, Gap, Reset, Update, events
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.output import (
    JsonOption,
    clock,
    columns,
    cut,
    json_text,
    one_line,
    print_json,
    wants_json,
    width,
)
from mindbot.cli.turns import COLUMNS
from mindbot.domain.errors import MindBotError
from mindbot.domain.message import Json
from mindbot.domain.shapes.events import EventJson
from mindbot.domain.turn import DONE_STATES

app = typer.Typer(add_completion=False, rich_markup_mode=None)

#: What became of an answer after its turn's end: told by the whole turn once more.
AFTERWARDS = "turn.delivery"
ENDS = [*(f"turn.{state}" for state in DONE_STATES), AFTERWARDS]
_REMEMBERED = 10_000  # turns that were shown, so that none is shown twice
_WIDEST = 24  # columns of any but the last
_HIDDEN = frozenset(("epoch", "seq", "ts", "type", "turn", "id", "took"))


@app.command(name="tail")
def tail(
    ctx: typer.Context,
    filter: Annotated[
        str, typer.Argument(metavar="[FILTER]", help="E.g. 'platform == \"wecom\" and took > 5s'.")
    ] = "",
    topic: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=completing.topics,
            help="Other events instead, one a line: turn, delivery, span, log, health, …, or one type, "
            "e.g. turn.queued; repeatable.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="End after so many lines; 0 goes on.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Follow turns: a line for each as it ends, and one more when its answer is given up or comes after all.

    Survives a restart of the daemon; Ctrl-C ends it.
    """
    import anyio

    client = connect(ctx)
    screen = Lines(wants_json(as_json), bool(topic), limit)
    follower = Follower(str(client.socket), filter, topic or [], screen)
    try:
        anyio.run(follower.run)
    except KeyboardInterrupt:
        raise typer.Exit from None


class Lines:
    """Writes events as lines: JSON, or columns that stay aligned as they grow."""

    def __init__(self, machine: bool, any_event: bool, limit: int = 0) -> None:
        self._machine = machine
        self._any = any_event
        self._left = limit or -1
        self._widths = [13, 8, 8, 0, 0, 9]

    @property
    def full(self) -> bool:
        """Whether the limit is reached."""
        return self._left == 0

    def events(self, found: Iterable[EventJson]) -> None:
        """Write events until the limit."""
        lines = []
        for event in found:
            if self._left == 0:
                break
            self._left -= 1
            lines.append(self._line(event) + "\n")
        sys.stdout.write("".join(lines))
        sys.stdout.flush()

    def note(self, value: Json, text: str) -> None:
        """Write something about the stream itself."""
        if self._machine:
            print_json(value)
        else:
            print(f"-- {text}", flush=True)

    def _line(self, event: EventJson) -> str:
        if self._machine:
            return json_text(event)
        most = columns()
        return cut(self._event(event) if self._any else self._turn(event, most), most)

    def _turn(self, event: EventJson, most: int) -> str:
        turn = models.TurnSummary.model_construct(**event)
        if event["type"] == AFTERWARDS and turn.delivery == "sent":
            turn.state = f"{turn.state}, sent"
        *cells, text, why = (one_line(column.cell(turn)) for column in COLUMNS)
        cells = [cut(cell, _WIDEST) for cell in cells]
        self._widths = [max(w, width(cell)) for w, cell in zip(self._widths, cells, strict=True)]
        padded = [
            " " * (w - width(cell)) + cell if column.right else cell + " " * (w - width(cell))
            for cell, w, column in zip(cells, self._widths, COLUMNS, strict=False)
        ]
        line = "  ".join([*padded, ""])
        if why:  # it is said as whole as the terminal lets it be
            room = most - width(line)
            text = cut(text, max(room // 3, room - width(why) - 2))
        return line + "  ".join(filter(None, (text, why)))

    def _event(self, event: EventJson) -> str:
        rest = " ".join(f"{k}={v}" for k, v in event.items() if k not in _HIDDEN and v not in ("", None))
        return f"{clock(event['ts'])}  {event['type']:<16}  {event['turn']:<13}  {one_line(rest)}"


class Follower:
    """Reads the stream, and from the store what the stream could not have."""

    def __init__(self, socket: str, filter: str, topics: list[str], screen: Lines) -> None:
        self._socket = socket
        self._filter = filter
        self._topics = topics
        self._screen = screen
        self._seen: dict[str, None] = {}  # in order
        self._told: dict[str, str] = {}  # what became of their answers, as told last
        self._heard = time.time()  # when the stream was last known to be whole
        self._caught: set[str] = set()  # shown from the store,
        self._caught_at = 0.0  # at this time

    async def run(self) -> None:
        """Follow until the screen is full; raises MindBotError when no daemon answers at first."""
        wanted = self._topics or ENDS
        async with aclosing(events(self._socket, topics=wanted, filter=self._filter)) as updates:
            async for update in updates:
                await self._show(update)
                if self._screen.full:
                    return

    async def _show(self, update: Update) -> None:
        match update:
            case Batch(found):
                self._events(found)
                self._heard = found[-1]["ts"]
            case Gap(count):
                self._screen.note({"gap": count}, f"{count} events were dropped: this reader is too slow")
            case Reset(epoch):
                self._screen.note({"reset": epoch}, "the stream began anew")
                if not self._topics:
                    await self._catch_up()
            case Disconnected(reason):
                print(f"mindbot: {reason}; waiting for it", file=sys.stderr)
            case Connected(again):
                if again:
                    print("mindbot: connected again", file=sys.stderr)

    def _events(self, found: list[EventJson]) -> None:
        if self._topics:
            self._screen.events(found)
            return
        new = [e for e in found if e["ts"] > self._caught_at or e["turn"] not in self._caught]
        self._shown([e for e in new if self._says_more(e)])

    def _says_more(self, event: EventJson) -> bool:
        """Whether an event tells what was not shown yet; a turn that is told again may say the same."""
        turn = models.TurnSummary.model_construct(**event)
        before = self._told.get(turn.id or event["turn"])
        self._told[turn.id or event["turn"]] = turn.delivery
        for id in list(self._told)[: len(self._told) - _REMEMBERED]:
            del self._told[id]
        if event["type"] != AFTERWARDS:
            return True
        return turn.state in DONE_STATES and turn.delivery not in ("waiting", before)

    def _shown(self, turns: list[EventJson]) -> None:
        self._screen.events(turns)
        self._seen |= dict.fromkeys(event["turn"] for event in turns)
        for turn in list(self._seen)[: len(self._seen) - _REMEMBERED]:
            del self._seen[turn]

    async def _catch_up(self) -> None:
        """Show the turns that ended while the stream was broken."""
        try:
            async with AsyncClient(self._socket) as client:
                listed = await client.ask(calls.turns(self._filter, limit=1000))
        except MindBotError as error:
            self._screen.note({"missed": str(error)}, f"turns may be missing here: {error.message}")
            return
        self._caught_at = time.time()
        missed = [
            {"type": f"turn.{t.state}", "turn": t.id, **t.to_json()}
            for t in reversed(listed)
            if t.state in DONE_STATES
            and t.id not in self._seen
            and t.received + t.took_ms / 1000 >= self._heard - 1
        ]
        self._caught = {turn["turn"] for turn in missed}
        self._shown(cast("list[EventJson]", missed))  # but for their places in the stream
