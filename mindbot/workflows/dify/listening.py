"""What the events of a run do: they say the answer, become steps of the turn, name the run, ask for forms."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from mindbot.domain.chat import Chunk
from mindbot.domain.errors import Truncated, VendorError
from mindbot.domain.message import Json
from mindbot.providers.shared.documents import Documents
from mindbot.providers.shared.reading import bundles_of
from mindbot.providers.wires.dify_wire import WORDS, DifyAnswer
from mindbot.workflows.dify.client import DifyStream
from mindbot.workflows.dify.forms import form_of
from mindbot.workflows.dify.nodes import NodeSteps

_EVENT = 4 << 20  # bytes of one
_LONGEST_URL = 2000  # characters
_MOST_PICTURES = 20
_DRAWING = frozenset({"message_file", "message_end", "workflow_finished"})
#: The code of a run that was stopped at Dify.
STOPPED = "canceled"
#: What has holes in a stream that was taken up again: only the outputs at its end are whole.
PIECES = frozenset(
    {
        "message",
        "agent_message",
        "text_chunk",
        "message_replace",
        "text_replace",
        "agent_thought",
        "reasoning_chunk",
    }
)


class RunFailed(Exception):
    """Dify has said that a run failed, which ends it: with ``error``, and the HTTP ``status`` it names."""

    def __init__(self, error: VendorError, status: int) -> None:
        super().__init__(error.message)
        self.error = error
        self.status = status


class Paused(Exception):
    """The run waits for people."""


class Listener:
    """See the module. ``output`` is the output that is the answer, ``hide`` is shown nowhere."""

    def __init__(self, name: str, steps: NodeSteps, *, output: str = "", hide: str = "") -> None:
        self.answer = DifyAnswer(name, output=output, hide=hide)
        self.forms: list[Json] = []
        self._name = name
        self._steps = steps

    async def bundles(self, stream: DifyStream) -> AsyncGenerator[Iterator[tuple[Json, bool]], None]:
        """Yield a stream's documents that came together, and whether they are events; see `bundles_of`.

        Pieces of the answer that follow each other are one.
        """
        documents = Documents(_EVENT)

        def told(docs: Iterator[object]) -> Iterator[tuple[Json, bool]]:
            piece: Json | None = None
            for doc in docs:
                if not isinstance(doc, dict):
                    continue
                stream.reading.moved()
                streamed = documents.framing == "events"
                if streamed and self.answer.goes_on(doc):
                    piece = doc if piece is None else {**doc, "answer": piece["answer"] + doc["answer"]}
                    continue
                if piece is not None:
                    yield piece, True
                    piece = None
                yield doc, streamed
            if piece is not None:
                yield piece, True

        async with aclosing(bundles_of(stream.reading, documents)) as bundles:
            async for docs in bundles:
                yield told(docs)

    async def take(self, doc: Json, *, streamed: bool = True) -> Chunk | None:
        """Take an event; return what can be shown of it.

        Raises:
            RunFailed: it says that the run failed.
            Paused: it says that the run waits for people.
        """
        event = doc.get("event")
        if event == "human_input_required":
            if form := form_of(doc, self.answer.ids):
                self.forms.append(form)
            return None
        if event == "workflow_paused":
            raise Paused
        if event in _DRAWING:
            self._draw(doc)
        if event not in WORDS:
            await self._steps.take(doc)
        try:
            return self.answer.take(doc, streamed=streamed)
        except VendorError as exc:
            raise RunFailed(exc, self.answer.refused) from None

    def _draw(self, doc: Json) -> None:
        """Note the addresses of what tools and nodes drew: they come one by one, or with the end."""
        data = doc.get("data")
        files = [doc] if doc.get("event") == "message_file" else doc.get("files")
        files = files or (data.get("files") if isinstance(data, dict) else None)
        for each in files if isinstance(files, list) else ():
            url = each.get("url") if isinstance(each, dict) else None
            if not isinstance(url, str) or len(url) > _LONGEST_URL or each.get("belongs_to") == "user":
                continue
            drawn = self.answer.notes.setdefault("pictures", [])
            if url not in drawn and len(drawn) < _MOST_PICTURES:
                drawn.append(url)

    @property
    def over(self) -> bool:
        """Whether nothing more of it is to be read."""
        return self.answer.over or self.answer.full

    def rest(self) -> Chunk | None:
        """Return what was held back at the end.

        Raises:
            Truncated: it was no end.
            RunFailed: somebody has stopped the run.
        """
        if not self.answer.complete:
            raise Truncated(f"{self._name}: the stream ended without an end", code="cut")
        try:
            return self.answer.rest()
        except VendorError as exc:
            raise RunFailed(exc, 400) from None


def joined(said: Chunk | None, more: Chunk | None) -> Chunk | None:
    """Return two pieces without an end as one."""
    if said is None or more is None or more.afresh:
        return more or said
    return Chunk(said.text + more.text, said.reasoning + more.reasoning, afresh=said.afresh)
