"""How far one run is: what is remembered of it, what is seen of its answer, its steps and notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from mindbot.deadlines import now
from mindbot.domain.chat import Chunk
from mindbot.domain.errors import VendorError
from mindbot.domain.message import Json
from mindbot.domain.span import Span
from mindbot.domain.turn import Turn
from mindbot.workflows.apps import AppCall
from mindbot.workflows.dify.listening import Listener
from mindbot.workflows.dify.nodes import NodeSteps
from mindbot.workflows.dify.setup import DifySetup
from mindbot.workflows.remembered import RememberedRun


class Over(Exception):
    """A start came to nothing, and it is known why: with ``error``. ``again``: another may fare better.
    ``lost``: its run may have come to its end, and nobody can be asked."""

    def __init__(self, error: VendorError, *, again: bool, lost: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.again = again
        self.lost = lost


class Progress:
    """See the module. ``notes`` go to the trace, ``ids`` are those of the start in hand, ``starts`` counts
    starts, ``deadline`` is a time of ``anyio.current_time()``. ``anew``: what is seen of an answer is of a
    start that came to nothing.
    """

    def __init__(self, app: DifySetup, turn: Turn, call: AppCall) -> None:
        self.app = app
        self.turn = turn
        self.call = call
        self.remembered = RememberedRun(app.parts, turn, call.key)
        self.parent = call.span or _innermost(turn)
        self.steps = NodeSteps(turn, self.parent, hide=lambda: app.client.hide)
        self.notes: Json = {}
        self.ids: dict[str, str] = {}
        self.starts = 0
        self.deadline = 0.0
        self.shown: list[str] = []
        self.anew = False

    def begin(self) -> None:
        """Count the time of one run from now."""
        ends = now() + self.app.settings.timeout
        self.deadline = min(ends, self.call.deadline) if self.call.deadline else ends

    async def know(self, ids: Mapping[str, str]) -> None:
        """Note the ids of the run in hand with the turn, and go on with it."""
        await self.remembered.know(ids)
        await self.take_up(self.remembered.ids)

    async def take_up(self, ids: Mapping[str, str]) -> None:
        """Go on with the run of these ids, and with its conversation in this session."""
        self.ids = dict(ids)
        self.notes["ids"] = {**ids, "user": self.call.user}
        self.app.remember(ids)
        talk = self.ids.get("conversation_id", "")
        if talk and talk != self.remembered.conversation and self.app.chats:
            app = await self.app.client.fingerprint()
            await self.app.conversations.note(app, self.call.conversation, self.call.user, talk)

    def listener(self) -> Listener:
        """Return what reads a stream of it."""
        app = self.app
        return Listener(app.name, self.steps, output=app.settings.output_key, hide=app.client.hide)

    def seen(self, chunk: Chunk) -> Chunk:
        """Return a piece as it can be shown after those before it."""
        if self.anew and chunk.text:
            self.anew, chunk = False, replace(chunk, afresh=True)
        if chunk.afresh:
            self.shown.clear()
        self.shown.append(chunk.text)
        return chunk

    def whole(self, text: str) -> Chunk | None:
        """Return what makes what is seen the whole answer."""
        so_far = "" if self.anew else "".join(self.shown)
        if text.startswith(so_far):
            rest = text[len(so_far) :]
            return self.seen(Chunk(rest)) if rest else None
        return self.seen(Chunk(text, afresh=True)) if text else None

    def last(self, listener: Listener) -> Chunk:
        """Return the last piece, with the notes."""
        last = listener.answer.end()
        if self.starts > 1:
            self.notes["starts"] = self.starts
        if self.steps.left_out:
            self.notes["steps_left_out"] = self.steps.left_out
        last.notes.update(self.notes)
        if drawn := self._drawn(last):
            last.text += drawn
            return self.seen(last)
        return last

    def _drawn(self, last: Chunk) -> str:
        """Return the addresses of pictures that the answer does not name itself, a line each."""
        said = "" if self.anew else "".join(self.shown)
        urls = [urljoin(self.app.client.base_url, url) for url in last.notes.get("pictures", ())]
        lines = "\n".join(url for url in urls if url.startswith("http") and urlsplit(url).path not in said)
        return f"\n\n{lines}" if lines and said else lines


def _innermost(turn: Turn) -> Span:
    if turn.innermost:
        return turn.spans[turn.innermost - 1]
    return Span(0, 0, "workflow", "", 0.0)  # steps without one around them
