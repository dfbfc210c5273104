"""`mindbot session chat`: a conversation in the bot's place, line by line."""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing

import anyio
import typer
from anyio import to_thread
from anyio.abc import ObjectReceiveStream

from mindbot.api import calls, take_over_calls, take_over_models
from mindbot.api.client import Client
from mindbot.api.stream import Batch, Connected, Disconnected, events
from mindbot.cli.connect import connect
from mindbot.cli.output import one_line
from mindbot.cli.taking_over import MadeAnswer, handed_line, spoken, taken_lines
from mindbot.domain.errors import Conflict, MindBotError
from mindbot.domain.message import OPERATOR
from mindbot.domain.shapes.events import EventJson

_TOPICS = ("turn.queued", "turn.dropped", "delivery.dead", "session")
_PATIENCE = 60.0  # seconds for which a daemon that is away is waited for with a line
_READ = 4096
_LONGEST = 100_000  # characters of a line
_BEFORE = 3  # turns that are shown of what was said before


def talk(ctx: typer.Context, session: str, running: MadeAnswer, *, force: bool, keep: bool) -> None:
    """Take a session, say what is typed and show what is written, until the end of the input.

    Raises:
        Conflict: another operator has it; or it is theirs, or the bot's, by now.
    """
    console = f"chat-{os.getpid()}-{secrets.token_hex(2)}"
    client = connect(ctx, console)
    found = client.ask(take_over_calls.take_session(session, running=running.value, force=force))
    for line in taken_lines(found, running):
        _note(line)
    _note("a line is said; Ctrl-D hands back" if not keep else "a line is said; Ctrl-D leaves")
    _said_before(client, session)
    chat = Chat(client, found, console)
    try:
        anyio.run(chat.run)
    except KeyboardInterrupt:
        _note("")
    if chat.lost:
        raise Conflict(
            chat.lost, hint=f"see: mindbot session taken, mindbot turns 'session == \"{session}\"'"
        )
    if not keep:
        _note(handed_line(client.ask(take_over_calls.hand_back(session))))


def _note(text: str) -> None:
    """Write something that nobody said."""
    print(f"-- {text}" if text else "", file=sys.stderr, flush=True)


def _said_before(client: Client, session: str) -> None:
    """Show the last turns: what it is about."""
    this = f"session == {json.dumps(session, ensure_ascii=False)}"
    found = client.ask(calls.turns(this, _BEFORE))
    for turn in reversed(found):
        if turn.origin != OPERATOR:
            print(one_line(f"{turn.user}: {turn.text}"), flush=True)
        if turn.reply:
            _note(one_line(f"said: {turn.reply}"))


class Chat:
    """One conversation; ``lost`` says why the operator has it no longer."""

    def __init__(self, client: Client, taken: take_over_models.TakingOver, console: str) -> None:
        self.lost = ""
        self._client = client
        self._session = taken.session
        self._console = console
        self._filter = f'platform == "{taken.platform}" and bot == "{taken.bot}"'

    async def run(self) -> None:
        """Go on until the input ends or the session is lost."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen, tasks.cancel_scope)
            await self._say(_lines())
            tasks.cancel_scope.cancel()

    async def _say(self, lines: ObjectReceiveStream[str]) -> None:
        async for line in lines:
            if not line.strip():
                continue
            words = take_over_models.SayWords(text=line[:_LONGEST], key=secrets.token_hex(8))
            ends = time.monotonic() + _PATIENCE
            try:
                await to_thread.run_sync(spoken, self._client, self._session, words, ends)
            except MindBotError as error:
                _note(f"not said: {error.message}{f' ({error.hint})' if error.hint else ''}")

    async def _listen(self, all_of_it: anyio.CancelScope) -> None:
        stream = events(self._client.socket, topics=_TOPICS, filter=self._filter)
        async with aclosing(stream) as updates:
            async for update in updates:
                match update:
                    case Batch(found):
                        self._show(found)
                    case Disconnected(reason):
                        _note(f"{reason}; waiting for it")
                    case Connected(again):
                        if again:
                            _note("connected again")
                if self.lost:
                    all_of_it.cancel()

    def _show(self, found: list[EventJson]) -> None:
        for event in found:
            whose = str(event.get("session", ""))
            if whose == self._session or whose.startswith(f"{self._session}:"):
                for line in self._told(event):
                    print(line, flush=True)

    def _told(self, event: EventJson) -> Iterator[str]:
        """Yield what an event says; the data of each kind stand beside its head."""
        get: Callable[[str, str], object] = event.get
        match event["type"]:
            case "turn.queued" if get("origin", "") != OPERATOR and get("kind", "") not in ("event", "push"):
                yield one_line(f"{get('user_name', '') or get('user', '')}: {get('text', '')}")
            case "turn.dropped":
                said = get("vars", "")
                if isinstance(said, dict) and (draft := said.get("draft")):
                    _note(one_line(f"a draft that nobody was told: {draft}"))
            case "delivery.dead":
                _note(one_line(f"not delivered: {get('error', '')}"))
            case "session.taken" if get("console", "") != self._console:
                self.lost = f"{get('by', '')} has taken {self._session}"
            case "session.handed_back" if get("console", "") != self._console:
                self.lost = f"{self._session} is yours no longer: {get('why', '')}"


def _lines() -> ObjectReceiveStream[str]:
    """Return the lines of the input as they are typed.

    They are read past Python's buffers, in a thread that may be left: one that held a buffer's lock would
    keep the process from ending.
    """
    import asyncio

    give, take = anyio.create_memory_object_stream[str](1000)
    loop = asyncio.get_running_loop()

    def read() -> None:
        rest, place = b"", sys.stdin.fileno()
        while piece := os.read(place, _READ):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                loop.call_soon_threadsafe(give.send_nowait, line.decode(errors="replace"))
        if rest:
            loop.call_soon_threadsafe(give.send_nowait, rest.decode(errors="replace"))
        loop.call_soon_threadsafe(give.close)

    threading.Thread(target=read, daemon=True).start()
    return take
