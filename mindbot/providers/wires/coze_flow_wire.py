"""Coze's workflow streams, as data: named events in. Pure.

Sources: coze.cn "Run workflow (streaming)", "Resume workflow", "Query run history"; cozepy 0.20.0 and its
test data. The id of a run comes with an event of its own making, or in the debug address at the end.
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from mindbot.domain.chat import Chunk, Usage
from mindbot.domain.message import Json
from mindbot.domain.plain import dumps, loads
from mindbot.providers.errors import accuses, refusal_in_stream
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.counts import count
from mindbot.providers.shared.documents import NamedDocument

_LONGEST = 256  # characters of an id
#: Stands between what two nodes say.
_BETWEEN = "\n\n"
#: Outputs that are the answer where nobody names another, the likeliest first.
_OUTPUTS = ("answer", "output", "Output", "text", "result")


class CozeFlowAnswer(AnswerReader):
    """The answer of one run: what its output and end nodes say, one after the other.

    ``output`` is the variable of an end node that is the answer; empty: one of the usual names, or the only
    one. ``interrupt`` is set where the run waits for somebody. ``run`` is its id, as soon as it is known.
    """

    what: ClassVar[str] = "a run of Coze's"
    by_name: ClassVar[bool] = True

    def __init__(self, vendor: str, *, output: str = "", **more: Any) -> None:
        super().__init__(vendor, **more)
        self.interrupt: Json | None = None
        self.run = ""
        self._output = output
        self._node = ""  # that spoke last
        self._held = ""  # JSON of an end node, until it is whole

    def take(self, doc: Any, *, streamed: bool = False) -> Chunk | None:
        """Take an event; see `AnswerReader.take`."""
        event, data = doc if isinstance(doc, NamedDocument) else ("", doc)
        if not isinstance(data, dict):
            self.unread += event != "Done"
            return None
        self.run = run_of(data) or self.run
        match event:
            case "Message":
                return self._message(data)
            case "Error" | "error":
                raise self._failure(data)
            case "Interrupt":
                told = data.get("interrupt_data")
                self.interrupt = {**(told if isinstance(told, dict) else {}), "node": data.get("node_title")}
                self.ends("stop")
            case "Done":
                self.ends("stop")
                if held := self._held:
                    self._held = ""
                    return self.say(answer_of(held, self._output))
            case "" if accuses(data):
                raise self._failure(data)
            case "":
                self.unread += 1
        return None

    def _message(self, data: Json) -> Chunk | None:
        if isinstance(used := data.get("usage"), dict):
            asked, told = count(used.get("input_count")), count(used.get("output_count"))
            self.usage = Usage(asked or 0, told or 0) if asked or told else self.usage
        content = data.get("content")
        if not isinstance(content, str) or data.get("content_type", "text") not in ("text", ""):
            return None  # cards and pictures
        node = f"{data.get('node_id') or ''}{data.get('node_title') or ''}"
        if self._held or (node != self._node and content.lstrip()[:1] == "{"):
            self._held += content
            if not data.get("node_is_finish"):
                return None
            content, self._held = answer_of(self._held, self._output), ""
        if content and self._node not in ("", node):
            content = _BETWEEN + content
        self._node = node if content else self._node
        return self.say(content)

    def _failure(self, data: Json) -> Exception:
        code, message = data.get("error_code"), data.get("error_message")
        error = {"code": code, "msg": message} if code is not None else data.get("error", data)
        return refusal_in_stream(self.vendor, error, hide=self.hide)


def run_of(data: Json) -> str:
    """Return the id of a run that an event or an answer tells; empty: it tells none."""
    for value in (data.get("execute_id"), data.get("workflow_execute_id")):
        if isinstance(value, str) and value:
            return value[:_LONGEST]
    if isinstance(where := data.get("debug_url"), str):
        found = parse_qs(urlsplit(where).query).get("execute_id", [""])
        return found[0][:_LONGEST]
    return ""


def answer_of(text: str, output: str = "") -> str:
    """Return the answer in what an end node gives: its output of that name, a usual one, or the only one.

    What is no object of JSON is the answer as it is.
    """
    try:
        doc = loads(text.encode())
    except ValueError:
        return text
    if not isinstance(doc, dict):
        return text
    for name in (output,) if output else _OUTPUTS:
        if name in doc:
            return _words(doc[name], output)
    values = [value for value in doc.values() if isinstance(value, str)]
    return _words(values[0], output) if len(values) == 1 and not output else text


def _words(value: Any, output: str) -> str:
    """Return a value as text; the run history wraps an end node's object into one more."""
    if isinstance(value, str):
        return answer_of(value, output) if value.lstrip()[:1] == "{" else value
    return dumps(value).decode(errors="replace")
