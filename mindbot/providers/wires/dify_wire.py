"""Dify's chat apps, as data: requests out, events in. Pure; the reader knows the events of every kind of app.

Sources: Dify Service API (`openapi_service.json`), "Send chat message", "Streaming events"; langgenius/dify,
`api/core/app/apps/*/generate_task_pipeline.py`. The list of events grows: what is unknown is left out.

One answer may come twice: as pieces and then whole (New Agent), as pieces and as a thought that repeats them
(Agent), as pieces and in the outputs of the workflow (Chatflow). It is said once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from mindbot.domain.chat import Attachment, ChatMessage, ChatRequest, Chunk, Usage
from mindbot.domain.errors import Overloaded, Rejected, VendorError
from mindbot.domain.message import Json
from mindbot.domain.plain import dumps
from mindbot.providers.errors import accuses, refusal_in_stream
from mindbot.providers.refusing.quoting import quoted
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.counts import count

History = Literal["query", "inputs", "none"]
#: The ids under which an app knows uploaded files.
Uploaded = Mapping[Attachment, str]

_NOBODY = "mindbot"  # who asks, where nobody says who
#: In place of an empty question, which is refused.
NO_WORDS = "[no words]"
_SPEAKER = {"user": "User", "assistant": "Assistant"}
_MOST_THOUGHTS = 1000
_LONGEST_ID = 256  # characters
_LONGEST_TITLE = 80
_PAUSED = "a person has to fill in a form first; only the workflow runner can wait for that"


def request_body(request: ChatRequest, files: Uploaded, *, history: History, streamed: bool) -> Json:
    """Return the body of a message that begins a conversation of its own.

    The last line of the user is the question. Instructions are given in the input ``instructions``, which an
    app without such a variable does not see: it has its own.
    """
    asked, before, after = _parts(request.messages)
    told = "\n".join(_told(before))
    inputs: Json = {}
    if instructions := "\n\n".join(m.content for m in request.messages if m.role == "system" and m.content):
        inputs["instructions"] = instructions
    if told and history == "inputs":
        inputs["history"] = told
    words = [asked.content if asked else "", *_told(after)]
    query = "\n".join(each for each in words if each) or NO_WORDS
    if told and history == "query":
        query = f"What was said before:\n{told}\n\nThe message to answer:\n{query}"
    body: Json = {
        "query": query,
        "inputs": inputs,
        "user": request.user or _NOBODY,
        "response_mode": "streaming" if streamed else "blocking",
        "auto_generate_name": False,
    }
    if asked and asked.attachments:
        body["files"] = [named_file(each, files) for each in asked.attachments]
    return body


def asked_with(request: ChatRequest) -> tuple[Attachment, ...]:
    """Return what is attached to the question; files of earlier lines are not sent again."""
    asked, _, _ = _parts(request.messages)
    return asked.attachments if asked else ()


def _parts(
    messages: Sequence[ChatMessage],
) -> tuple[ChatMessage | None, Sequence[ChatMessage], Sequence[ChatMessage]]:
    """Return the last line of the user, and the lines before and after it."""
    at = next((n for n in reversed(range(len(messages))) if messages[n].role == "user"), None)
    return (None, messages, ()) if at is None else (messages[at], messages[:at], messages[at + 1 :])


def _told(messages: Sequence[ChatMessage]) -> Iterator[str]:
    for message in messages:
        for result in message.results:
            yield f"[{result.name}: {result.text}]"
        if not message.results and message.content and message.role in _SPEAKER:
            yield f"{_SPEAKER[message.role]}: {message.content}"


def named_file(part: Attachment, files: Uploaded) -> Json:
    """Return how a request names a file: one that was uploaded, or its address."""
    kind = part.kind if part.kind != "file" else "video" if part.type.startswith("video/") else "document"
    if part in files:
        return {"type": kind, "transfer_method": "local_file", "upload_file_id": files[part]}
    return {"type": kind, "transfer_method": "remote_url", "url": part.url}


#: Events that are pieces of the answer and tell no more than those before, once so many ids are known.
WORDS = frozenset({"message", "agent_message"})
_TOLD = 3


class DifyAnswer(AnswerReader):
    """The answer of one run, event by event, or (blocking) whole.

    ``ids`` holds those of the run as they become known: ``task_id``, ``message_id``, ``conversation_id``,
    ``workflow_run_id``. ``output`` names the output of a workflow that is the answer, whatever was said
    before; empty: ``answer``, where no pieces were. ``refused`` is the HTTP status that a failure within the
    stream names, 0 where none does; ``outputs`` are those of the workflow that has ended.
    """

    what: ClassVar[str] = "an answer of Dify's"

    def __init__(self, vendor: str, *, output: str = "", **more: Any) -> None:
        super().__init__(vendor, **more)
        self.ids: dict[str, str] = {}
        self.refused = 0
        self.outputs: Json = {}
        self._output = output
        self._cost: float | None = None  # of the nodes so far
        self._currency = ""
        self._said_by = ""  # the event whose pieces are the answer
        self._words: list[str] = []  # those pieces
        self._thoughts: dict[str, str] = {}  # of an agent, by id
        self._failed_node = ""
        self._is_workflow = False

    def is_whole(self, doc: Any) -> bool:
        """Tell whether a document is the answer of a blocking call."""
        return isinstance(doc, dict) and isinstance(doc.get("answer"), str)

    def take(self, doc: Any, *, streamed: bool = False) -> Chunk | None:
        """Take an event; see `AnswerReader.take`."""
        if not isinstance(doc, dict):
            self.unread += doc is not None
            return None
        event = doc.get("event")
        if event == "error" or (not isinstance(event, str) and accuses(doc)):
            self.running = {}
            raise self._refused(doc)
        if event not in WORDS or len(self.ids) < _TOLD:
            self.note(doc)
        if not streamed and self.is_whole(doc):
            chunk = self.say(doc["answer"])
            self._end(doc)
            self.over = True
            return chunk
        if not isinstance(event, str):
            self.unread += 1
            return None
        handle = _HANDLED.get(event)
        return handle(self, doc) if handle else None

    def goes_on(self, doc: Json) -> bool:
        """Tell whether an event is one more piece of the answer, like the one before."""
        event = doc.get("event")
        return event == self._said_by and event in WORDS and isinstance(doc.get("answer"), str)

    def note(self, doc: Json) -> None:
        for name in ("task_id", "message_id", "conversation_id", "workflow_run_id"):
            if isinstance(value := doc.get(name), str) and value:
                self.ids[name] = value[:_LONGEST_ID]
        if "task_id" in self.ids and not self.complete:
            self.running = {"task_id": self.ids["task_id"]}

    # --- words

    def _piece(self, doc: Json) -> Chunk | None:
        """``message``: a piece, or (New Agent) the whole of what ``agent_message`` has said."""
        text = _text(doc.get("answer"))
        if self._said_by != "agent_message":
            return self._add("message", text)
        so_far = "".join(self._words)
        if text.startswith(so_far):
            return self._add("agent_message", text[len(so_far) :])
        self._words = [text]
        return self.anew(text) if text.strip() else None

    def _agent_piece(self, doc: Json) -> Chunk | None:
        return self._add("agent_message", _text(doc.get("answer")))

    def _text_chunk(self, doc: Json) -> Chunk | None:
        return self._add("text_chunk", _text(_data(doc).get("text")))

    def _add(self, event: str, text: str) -> Chunk | None:
        if not text:
            return None
        self._said_by = self._said_by or event
        self._words.append(text)
        return self.say(text)

    def _replace(self, doc: Json) -> Chunk | None:
        self._said_by = self._said_by or "message"
        text = _text(doc.get("answer")) or _text(_data(doc).get("text"))
        self._words = [text]
        self.notes["replaced"] = quoted(_text(doc.get("reason")), self.hide) or "by the app"
        return self.anew(text)

    def _thought(self, doc: Json) -> None:
        """An agent's step, sent again as it fills: the last one is the answer where there are no pieces."""
        id_ = str(doc.get("id", ""))
        if id_ in self._thoughts or len(self._thoughts) < _MOST_THOUGHTS:
            self._thoughts[id_] = _text(doc.get("thought"))

    def _reasoned(self, doc: Json) -> Chunk | None:
        return self.say("", _text(_data(doc).get("reasoning")))

    # --- ends

    def _message_end(self, doc: Json) -> Chunk | None:
        chunk = None
        if not self._words and (last := next(filter(None, reversed(self._thoughts.values())), "")):
            chunk = self._add("agent_thought", last)
        self._end(doc)
        self.over = not self._is_workflow  # there the workflow's own end follows
        return chunk

    def _end(self, doc: Json) -> None:
        metadata = doc.get("metadata")
        self.usage = _usage(metadata.get("usage") if isinstance(metadata, dict) else None) or self.usage
        if not self.complete:
            self.ends("stop")
        self.running = {}

    def _workflow(self, doc: Json) -> None:
        self._is_workflow = True

    def _round(self, doc: Json) -> None:
        """An iteration or a loop has ended; what its nodes took is counted already."""
        data = _data(doc)
        if data.get("status") in ("failed", "exception"):
            self._failed_node = quoted(_text(data.get("title")), self.hide, longest=_LONGEST_TITLE)

    def _node(self, doc: Json) -> None:
        self._round(doc)
        paid = _data(doc).get("execution_metadata")
        if isinstance(paid, dict) and (cost := _price(paid.get("total_price"))):
            self._cost = (self._cost or 0.0) + cost
            self._currency = _text(paid.get("currency"))[:8]

    def _workflow_end(self, doc: Json) -> Chunk | None:
        data = _data(doc)
        self.running = {}
        self.over = True
        status = data.get("status")
        if status == "failed":
            raise self._placed(self._workflow_failed(_text(data.get("error"))))
        if status == "stopped":
            self.ends("canceled")
            return None
        outputs = data.get("outputs")
        self.outputs = outputs if isinstance(outputs, dict) else {}
        chunk = self._answered()
        self._end(doc)
        total = count(data.get("total_tokens"))
        if self.usage is None and total:
            self.usage = Usage(0, total, cost=self._cost, currency=self._currency)
        return chunk

    def _answered(self) -> Chunk | None:
        """Return what the outputs add to what was said."""
        if self._output and self._output in self.outputs:
            value = self.outputs[self._output]
            text = value if isinstance(value, str) else dumps(value).decode()
            if self._words and text != "".join(self._words):
                self._words = [text]
                return self.anew(text)
            return None if self._words else self._add("outputs", text)
        if self._output:
            self.notes["output"] = f"there is none that is called {self._output}"
        return None if self._words else self._add("outputs", _output(self.outputs))

    def _paused(self, doc: Json) -> None:
        self.running = {}
        raise Rejected(f"{self.vendor}: the workflow waits", hint=_PAUSED, code="workflow_paused")

    def _workflow_failed(self, error: str) -> VendorError:
        """Return the failure of a run. One that says nothing known would fail again: nobody runs it twice."""
        node = f"the node {self._failed_node!r}: " if self._failed_node else ""
        found = refusal_in_stream(self.vendor, {"message": error}, hide=self.hide)
        words = f"{self.vendor}: {node}{self._bare(found)}"
        if type(found) is Overloaded and not found.code:
            return Rejected(words, hint="see the run in Dify's logs", code="workflow_failed")
        found.message = words
        return found

    def _refused(self, doc: Json) -> VendorError:
        self.refused = count(doc.get("status")) or 0
        found = refusal_in_stream(self.vendor, doc, hide=self.hide)
        if self._failed_node:
            found.message = f"{self.vendor}: the node {self._failed_node!r}: {self._bare(found)}"
        return self._placed(found)

    def _placed(self, error: VendorError) -> VendorError:
        error.node = self._failed_node
        return error

    def _bare(self, error: VendorError) -> str:
        return error.message.removeprefix(f"{self.vendor}: ")


_HANDLED: Mapping[str, Any] = {
    "message": DifyAnswer._piece,
    "agent_message": DifyAnswer._agent_piece,
    "text_chunk": DifyAnswer._text_chunk,
    "message_replace": DifyAnswer._replace,
    "text_replace": DifyAnswer._replace,
    "agent_thought": DifyAnswer._thought,
    "reasoning_chunk": DifyAnswer._reasoned,
    "message_end": DifyAnswer._message_end,
    "workflow_started": DifyAnswer._workflow,
    "node_finished": DifyAnswer._node,
    "iteration_completed": DifyAnswer._round,
    "loop_completed": DifyAnswer._round,
    "workflow_finished": DifyAnswer._workflow_end,
    "workflow_paused": DifyAnswer._paused,
}


def _output(outputs: Any) -> str:
    """Return the answer among the outputs of a workflow: the one that is called so, or the only text."""
    if not isinstance(outputs, dict):
        return ""
    named = next((outputs[name] for name in ("answer", "text", "output", "result") if outputs.get(name)), "")
    if isinstance(named, str) and named:
        return named
    texts = [value for value in outputs.values() if isinstance(value, str) and value]
    return texts[0] if len(texts) == 1 else ""


def _usage(usage: Any) -> Usage | None:
    """Return usage; its prices are decimals, as text."""
    if not isinstance(usage, dict):
        return None
    asked, told = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    if asked is None and told is None:
        return None
    if (cost := _price(usage.get("total_price"))) is None:
        return Usage(asked or 0, told or 0)
    return Usage(asked or 0, told or 0, cost=cost, currency=_text(usage.get("currency"))[:8])


def _price(value: Any) -> float | None:
    try:
        cost = max(0.0, float(value))
    except (TypeError, ValueError):
        return None
    return cost if cost < float("inf") else None


def _data(doc: Json) -> Json:
    found = doc.get("data")
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
